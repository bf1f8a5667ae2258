#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/client.hpp"
#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kPollInterval{200};

struct WaitOptions {
    DaemonOptions daemon;
    std::optional<std::uint32_t> peers;
    std::optional<std::uint32_t> epoch;
    double timeout_s = 60;
};

bool is_reached(const WaitOptions& options, const control::StatusReply& status) {
    return status.peers_live >= options.peers.value_or(0) &&
           status.epoch >= options.epoch.value_or(0);
}

/// The present state, against the awaited one.
std::string missing_text(const WaitOptions& options, const control::StatusReply& status) {
    std::string text = fmt::format("not within {} s:", options.timeout_s);
    if (options.peers) {
        text +=
            fmt::format(" {} other peers are live, {} wanted;", status.peers_live, *options.peers);
    }
    if (options.epoch) {
        text += fmt::format(" the reference is {}, {} wanted;", status.epoch, *options.epoch);
    }
    return text + " dynavg peers and dynavg status say more";
}

ExitCode reached(const WaitOptions& options, const nlohmann::json& reply) {
    if (options.daemon.json) std::fputs(control::to_line(reply).c_str(), stdout);
    return ExitCode::done;
}

/// A daemon that is still starting, or restarting, is waited for too.
ExitCode run(const WaitOptions& options) {
    if (!options.peers && !options.epoch) {
        complain("wait for what? --peers N, --epoch E, or both");
        return ExitCode::wrong_arguments;
    }
    const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                             std::chrono::duration<double>(options.timeout_s));
    while (true) {
        const auto reply = control::ask(options.daemon.control, control::request("status"));
        const auto status = reply ? std::optional(control::status_from(*reply)) : std::nullopt;
        if (status && !*status) {
            complain(status->error().message);
            return ExitCode::failed;
        }
        if (status && is_reached(options, **status)) return reached(options, *reply);
        if (Clock::now() + kPollInterval > deadline) {
            complain(status ? missing_text(options, **status) : reply.error().message);
            return status ? ExitCode::failed : ExitCode::no_daemon;
        }
        std::this_thread::sleep_for(kPollInterval);
    }
}

}  // namespace

void add_wait(CLI::App& app, ExitCode& result) {
    CLI::App* verb =
        app.add_subcommand("wait", "Until so many peers are live, or rounds have been");
    const auto options = std::make_shared<WaitOptions>();
    verb->add_option("--peers", options->peers, "Other peers that are live")->type_name("N");
    verb->add_option("--epoch", options->epoch, "The reference's number")->type_name("E");
    verb->add_option("--timeout", options->timeout_s, "Seconds to wait at most")
        ->capture_default_str()
        ->check(CLI::Range(0.0, 1e9))
        ->type_name("S");
    add_daemon_options(*verb, options->daemon);
    verb->footer(
        "Ends with 0 once it is so, with 1 if it is not in time, with 7 if no daemon answers "
        "then.\n"
        "\nExample:\n  dynavg wait --peers 3 --timeout 60 && dynavg status");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
