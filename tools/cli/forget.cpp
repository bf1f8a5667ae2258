#include <memory>
#include <string>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/escape.hpp"
#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

struct ForgetOptions {
    DaemonOptions daemon;
    std::string peer;
};

ExitCode run(const ForgetOptions& options) {
    return order_daemon(
        options.daemon, control::forget_request(options.peer),
        fmt::format(
            "The daemon tells the others that {} will not come back. Its vote is waited for "
            "no\nmore once a quorum has acknowledged that; the log then says peer_forgotten.",
            control::escaped(options.peer)));
}

}  // namespace

void add_forget(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand(
        "forget", "Say that a peer will not come back, where too few are left for a quorum");
    const auto options = std::make_shared<ForgetOptions>();
    verb->add_option("peer", options->peer, "Its name, or its fingerprint as the log tells")
        ->required()
        ->type_name("PEER");
    add_daemon_options(*verb, options->daemon);
    verb->footer(
        "Only for a peer that is gone for good: if it is alive and cut off, the two sides may go\n"
        "on apart.\n\nExample:\n  dynavg forget node-c");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
