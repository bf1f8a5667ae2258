#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/ask_daemon.hpp"
#include "cli/units.hpp"
#include "cli/verb.hpp"
#include "control/escape.hpp"
#include "control/replies.hpp"

namespace dynavg::cli {

namespace {

void row(std::string_view label, const std::string& text) {
    fmt::print("{:<11}{}\n", label, control::escaped(text));
}

std::string variance_text(const control::StatusReply& status) {
    const std::string estimate =
        status.estimate ? fmt::format("{:.4g}", *status.estimate) : "not known yet";
    return fmt::format("{}; a round starts above {:.4g} (monitor {}, pace {})", estimate,
                       status.threshold, status.monitor, status.pace);
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

void print(const control::StatusReply& status) {
    row("node", fmt::format("{} ({}) in network {}", status.node, status.peer_id, status.network));
    row("daemon", fmt::format("version {}, pid {}, up {}", status.version, status.pid,
                              duration_text(status.uptime_s)));
    row("model", fmt::format("{}, {} parameters", status.model, grouped(status.parameters)));
    row("reference", fmt::format("{}, digest {}, of {} peers", status.epoch, status.digest,
                                 status.roster.size()));
    row("training", fmt::format("{}, {} steps ({} since the reference), {:.1f} steps/s",
                                status.training, grouped(status.steps),
                                grouped(status.steps_since_reference), status.steps_per_second));
    row("variance", variance_text(status));
    row("accuracy", accuracy_text(status));
    row("peers", fmt::format("{} live of {} known", status.peers_live, status.peers_known));
    row("round", round_text(status));
    row("rounds", fmt::format("{} since the start", grouped(status.rounds)));
    row("sent",
        fmt::format("monitoring {}, averaging {}, overhead {}", bytes_text(status.bytes.monitoring),
                    bytes_text(status.bytes.averaging), bytes_text(status.bytes.overhead)));
}

ExitCode run(const DaemonOptions& options) {
    const auto reply = ask_daemon(options, control::request("status"));
    if (!reply) return reply.error();
    const auto status = control::status_from(*reply);
    if (!status) {
        complain(status.error().message);
        return ExitCode::failed;
    }
    if (options.json) {
        std::fputs(control::to_line(*reply).c_str(), stdout);
    } else {
        print(*status);
    }
    return ExitCode::done;
}

}  // namespace

void add_status(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("status", "What the daemon on this machine is doing");
    const auto options = std::make_shared<DaemonOptions>();
    add_daemon_options(*verb, *options);
    verb->footer("Example:\n  dynavg status --control /run/dynavg/control.sock");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
