#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "control/escape.hpp"
#include "control/replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

std::string row(std::string_view label, const std::string& text) {
    return fmt::format("{:<11}{}\n", label, control::escaped(text));
}

std::string variance_text(const control::StatusReply& status) {
    const std::string estimate =
        status.estimate ? fmt::format("{:.4g}", *status.estimate) : "not known yet";
    std::string text = fmt::format("{}; a round starts above {:.4g} (monitor {}, pace {})",
                                   estimate, status.threshold, status.monitor, status.pace);
    if (status.threshold_to_come) {
        text += fmt::format("; {:.4g} with the next round", *status.threshold_to_come);
    }
    return text;
}

std::string training_text(const control::StatusReply& status) {
    if (status.role == "observer") return "none: an observer follows the reference";
    return fmt::format("{}, {} steps ({} since the reference), {:.1f} steps/s", status.training,
                       grouped(status.steps), grouped(status.steps_since_reference),
                       status.steps_per_second);
}

std::string peers_text(const control::StatusReply& status) {
    std::string text = fmt::format("{} live of {} known", status.peers_live, status.peers_known);
    if (status.observers > 0) text += fmt::format("; {} observers", status.observers);
    return text;
}

std::string accuracy_text(const control::StatusReply& status) {
    if (!status.accuracy) return "not evaluated";
    std::string text = fmt::format("{:.2f} %", 100 * *status.accuracy);
    if (status.loss) text += fmt::format(", loss {:.4g}", *status.loss);
    return text;
}

std::string round_text(const control::StatusReply& status) {
    if (!status.round) return "none is open";
    const control::RoundStatus& round = *status.round;
    return fmt::format("to reference {}, attempt {}, {} participants, open for {} ({})",
                       round.target, round.attempt, round.participants,
                       duration_text(static_cast<double>(round.since_ms) / 1000), round.reason);
}

std::string sent_text(const control::StatusReply& status) {
    std::string text =
        fmt::format("monitoring {}, averaging {}, overhead {}", bytes_text(status.bytes.monitoring),
                    bytes_text(status.bytes.averaging), bytes_text(status.bytes.overhead));
    if (status.exchange_bytes_per_second > 0) {
        text += fmt::format("; models no faster than {} per second",
                            bytes_text(status.exchange_bytes_per_second));
    }
    return text;
}

std::string text_of(const control::StatusReply& status) {
    std::string text;
    text += row("node",
                fmt::format("{} ({}) in network {}", status.node, status.peer_id, status.network));
    text += row("daemon", fmt::format("version {}, pid {}, up {}", status.version, status.pid,
                                      duration_text(status.uptime_s)));
    text +=
        row("model", fmt::format("{}, {} parameters", status.model, grouped(status.parameters)));
    text += row("reference", fmt::format("{}, digest {}, of {} peers", status.epoch, status.digest,
                                         status.roster.size()));
    text += row("training", training_text(status));
    text += row("variance", variance_text(status));
    text += row("accuracy", accuracy_text(status));
    text += row("peers", peers_text(status));
    text += row("round", round_text(status));
    text += row("rounds", fmt::format("{} since the start", grouped(status.rounds)));
    text += row("sent", sent_text(status));
    if (status.health.empty()) text += row("health", "nothing is wrong");
    for (const control::HealthFinding& finding : status.health) {
        text += row("health", fmt::format("{}: {}", finding.name, finding.message));
    }
    return text;
}

struct StatusOptions {
    DaemonOptions daemon;
    bool watch = false;
};

/// The status to show, or the exit code to end with; the complaint has been made.
Expected<std::string, ExitCode> shown(const DaemonOptions& options,
                                      std::chrono::milliseconds timeout) {
    const auto reply = ask_daemon(options, control::request("status"), timeout);
    if (!reply) return Unexpected<ExitCode>(reply.error());
    const auto status = control::status_from(*reply);
    if (!status) {
        complain(status.error().message);
        return Unexpected<ExitCode>(ExitCode::failed);
    }
    return options.json ? control::to_line(*reply) : text_of(*status);
}

/// Once a second until SIGINT or SIGTERM, and over restarts of the daemon.
ExitCode watch(const DaemonOptions& options) {
    constexpr std::chrono::milliseconds kTimeout{1000};
    constexpr timespec kInterval{.tv_sec = 1, .tv_nsec = 0};
    const bool redraws = !options.json && isatty(STDOUT_FILENO) == 1;
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    // Taken by sigtimedwait() alone, so that no screen is left half drawn.
    sigprocmask(SIG_BLOCK, &ends, nullptr);
    while (true) {
        if (redraws) std::fputs("\033[H\033[J", stdout);
        if (const auto text = shown(options, kTimeout)) std::fputs(text->c_str(), stdout);
        if (!redraws && !options.json) std::fputs("\n", stdout);
        if (std::fflush(stdout) != 0) return ExitCode::failed;
        if (sigtimedwait(&ends, nullptr, &kInterval) > 0) return ExitCode::done;
    }
}

ExitCode run(const StatusOptions& options) {
    if (options.watch) return watch(options.daemon);
    const auto text = shown(options.daemon, control::kDefaultTimeout);
    if (!text) return text.error();
    std::fputs(text->c_str(), stdout);
    return ExitCode::done;
}

}  // namespace

void add_status(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("status", "What the daemon on this machine is doing");
    const auto options = std::make_shared<StatusOptions>();
    verb->add_flag("--watch", options->watch, "Once a second, until Ctrl-C");
    add_daemon_options(*verb, options->daemon);
    verb->footer("Example:\n  dynavg status --watch");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
