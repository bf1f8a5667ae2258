#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/ask_daemon.hpp"
#include "cli/verb.hpp"
#include "control/replies.hpp"

namespace dynavg::cli {

namespace {

ExitCode run(const DaemonOptions& options) {
    const auto reply = ask_daemon(options, control::request("leave"));
    if (!reply) return reply.error();
    if (const auto done = control::done_from(*reply); !done) {
        complain(done.error().message);
        return ExitCode::failed;
    }
    if (options.json) {
        std::fputs(control::to_line(*reply).c_str(), stdout);
    } else {
        fmt::print("The daemon hands over in a last round, says goodbye and ends.\n");
    }
    return ExitCode::done;
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
