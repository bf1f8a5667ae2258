#include "tools/cli/ask_daemon.hpp"

#include <cstdio>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/escape.hpp"
#include "control/replies.hpp"

namespace dynavg::cli {

void add_daemon_options(CLI::App& verb, DaemonOptions& options) {
    verb.add_option("--control", options.control, "The daemon's control socket")
        ->capture_default_str()
        ->type_name("SOCKET");
    verb.add_flag("--json", options.json, "Print the daemon's answer as JSON");
}

ExitCode exit_code_of(const control::ClientError& error) {
    using Kind = control::ClientError::Kind;
    return error.kind == Kind::bad_answer ? ExitCode::failed : ExitCode::no_daemon;
}

Expected<nlohmann::json, ExitCode> ask_daemon(const DaemonOptions& options,
                                              const nlohmann::json& request,
                                              std::chrono::milliseconds timeout) {
    auto reply = control::ask(options.control, request, timeout);
    if (reply) return std::move(*reply);
    complain(reply.error().message);
    return Unexpected<ExitCode>(exit_code_of(reply.error()));
}

ExitCode order_daemon(const DaemonOptions& options, const nlohmann::json& request,
                      std::string_view done_text) {
    const auto reply = ask_daemon(options, request);
    if (!reply) return reply.error();
    if (const auto done = control::done_from(*reply); !done) {
        complain(done.error().message);
        return ExitCode::failed;
    }
    if (options.json) {
        std::fputs(control::to_line(*reply).c_str(), stdout);
    } else {
        fmt::print("{}\n", done_text);
    }
    return ExitCode::done;
}

void complain(std::string_view message) {
    fmt::print(stderr, "dynavg: {}\n", control::escaped(message));
}

}  // namespace dynavg::cli
