#include <memory>

#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

struct PauseOptions {
    DaemonOptions daemon;
    bool all_wait = false;
};

ExitCode pause(const PauseOptions& options) {
    return order_daemon(options.daemon, control::pause_request(options.all_wait),
                        "Local training pauses after the step in progress. The peer stays in its "
                        "network and gives each\nround what it has; dynavg resume, or a restart, "
                        "goes on.");
}

ExitCode resume(const DaemonOptions& options) {
    return order_daemon(options, control::request("resume"), "Local training goes on.");
}

}  // namespace

void add_pause(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand(
        "pause", "Local training pauses; the peer stays in its network and its rounds");
    const auto options = std::make_shared<PauseOptions>();
    verb->add_flag("--all-wait", options->all_wait,
                   "Also where all peers would wait for this one: in lockstep, or with "
                   "max_lag_steps");
    add_daemon_options(*verb, options->daemon);
    verb->footer("A restart of the daemon goes on with training.\n\nExample:\n  dynavg pause");
    verb->callback([options, &result] { result = pause(*options); });
}

void add_resume(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("resume", "Local training goes on after dynavg pause");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*verb, *options);
    verb->footer("Example:\n  dynavg resume");
    verb->callback([options, &result] { result = resume(*options); });
}

}  // namespace dynavg::cli
