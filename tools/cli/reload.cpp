#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "control/escape.hpp"
#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

void print(std::string_view what, const std::vector<std::string>& keys) {
    if (keys.empty()) return;
    fmt::print("{}: {}\n", what, control::escaped(fmt::format("{}", fmt::join(keys, ", "))));
}

/// One line for each problem of the file.
void complain_of(const std::string& problems) {
    std::size_t begin = 0;
    while (begin < problems.size()) {
        const std::size_t end = std::min(problems.find('\n', begin), problems.size());
        complain(problems.substr(begin, end - begin));
        begin = end + 1;
    }
    complain("the daemon goes on with the configuration that it has");
}

ExitCode run(const DaemonOptions& options) {
    const auto reply = ask_daemon(options, control::request("reload"));
    if (!reply) return reply.error();
    const auto reload = control::reload_from(*reply);
    if (!reload) {
        complain_of(reload.error().message);
        return ExitCode::failed;
    }
    if (options.json) {
        std::fputs(control::to_line(*reply).c_str(), stdout);
        return ExitCode::done;
    }
    print("taken over", reload->applied);
    print("needs a restart", reload->needs_restart);
    if (reload->applied.empty() && reload->needs_restart.empty()) fmt::print("nothing differs\n");
    return ExitCode::done;
}

}  // namespace

void add_reload(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("reload", "The daemon reads its configuration file again");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*verb, *options);
    verb->footer(
        "Waits for the answer: the keys that the daemon has taken over, and those that need a\n"
        "restart. A file that is not valid changes nothing, and the exit code is 1.\n\n"
        "Example:\n  dynavg reload");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
