#include <memory>

#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

ExitCode run(const DaemonOptions& options) {
    return order_daemon(options, control::request("leave"),
                        "The daemon hands over in a last round, says goodbye and ends.");
}

}  // namespace

void add_leave(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("leave", "The daemon leaves its network cleanly and ends");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*verb, *options);
    verb->footer("Example:\n  dynavg leave");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
