#include <algorithm>
#include <array>
#include <cstdio>
#include <exception>
#include <string_view>

#include <fmt/format.h>

#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/helper_program.hpp"
#include "tools/cli/verb.hpp"

namespace {

using dynavg::cli::ExitCode;

constexpr std::array<std::string_view, 3> kHelperVerbs{"export", "simulate", "doctor"};

constexpr std::string_view kAvailable =
    "init, join, token, keygen, id, trust, revoke, status, peers, rounds, wait, set, pause, "
    "resume, leave, forget, reload, check-config, doctor, export, simulate, report, verify";

int run(int argc, char** argv) {
    const std::string_view verb = argc > 1 ? argv[1] : "";
    if (std::find(kHelperVerbs.begin(), kHelperVerbs.end(), verb) != kHelperVerbs.end()) {
        return static_cast<int>(dynavg::cli::run_helper(std::string(verb), argv + 1));
    }

    CLI::App app("Decentralized dynamic averaging of deep-learning models: the tool", "dynavg");
    app.set_version_flag("--version", "dynavg " DYNAVG_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Example:\n  dynavg check-config /etc/dynavg/dynavg.toml && dynavg status\n\n"
        "Exit codes: 0 done, 1 failed, 2 wrong arguments, 6 invalid configuration,\n"
        "7 no daemon answers.");
    ExitCode result = ExitCode::done;
    dynavg::cli::add_init(app, result);
    dynavg::cli::add_join(app, result);
    dynavg::cli::add_token(app, result);
    dynavg::cli::add_keygen(app, result);
    dynavg::cli::add_id(app, result);
    dynavg::cli::add_trust(app, result);
    dynavg::cli::add_revoke(app, result);
    dynavg::cli::add_status(app, result);
    dynavg::cli::add_peers(app, result);
    dynavg::cli::add_rounds(app, result);
    dynavg::cli::add_wait(app, result);
    dynavg::cli::add_set(app, result);
    dynavg::cli::add_pause(app, result);
    dynavg::cli::add_resume(app, result);
    dynavg::cli::add_leave(app, result);
    dynavg::cli::add_forget(app, result);
    dynavg::cli::add_reload(app, result);
    dynavg::cli::add_check_config(app, result);
    dynavg::cli::add_report(app, result);
    dynavg::cli::add_verify(app, result);
    // Only for the list of verbs; see above.
    app.add_subcommand("doctor", "Why this node does not work, and what to do (dynavg-doctor)");
    app.add_subcommand("export",
                       "Write the reference to a file for other programs (dynavg-export)");
    app.add_subcommand("simulate", "Train with many peers in one process (dynavg-simulate)");
    const auto is_this = [verb](const CLI::App* known) { return known->get_name() == verb; };
    if (!verb.empty() && verb.front() != '-' && app.get_subcommands(is_this).empty()) {
        dynavg::cli::complain(fmt::format("{} is no verb; available: {}", verb, kAvailable));
        return static_cast<int>(ExitCode::wrong_arguments);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version end here too, with 0.
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::wrong_arguments);
    }
    // A full disk or a closed pipe must not look like success.
    if (std::fflush(stdout) != 0 && result == ExitCode::done) result = ExitCode::failed;
    return static_cast<int>(result);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        dynavg::cli::complain(error.what());
        return static_cast<int>(ExitCode::failed);
    }
}
