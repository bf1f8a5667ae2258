#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "control/replies.hpp"
#include "control/round_replies.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/table.hpp"
#include "tools/cli/units.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

namespace {

constexpr std::size_t kDigestDigitsShown = 8;

struct RoundsOptions {
    DaemonOptions daemon;
    std::size_t count = 20;
};

std::string number_text(const std::optional<double>& number) {
    return number ? fmt::format("{:.4g}", *number) : "-";
}

std::string ago_text(std::uint64_t at_ms) {
    using std::chrono::duration;
    using std::chrono::system_clock;
    const double now_s = duration<double>(system_clock::now().time_since_epoch()).count();
    return duration_text(std::max(0.0, now_s - static_cast<double>(at_ms) / 1000)) + " ago";
}

TableRow row_of(const control::RoundRecord& round) {
    const std::string epoch = fmt::to_string(round.epoch);
    const std::string digest = round.digest.substr(0, kDigestDigitsShown);
    if (round.outcome != "committed") {
        return {epoch, ago_text(round.at_ms), round.outcome, "-", "-", "-", "-", "-", "-", digest};
    }
    return {epoch,
            ago_text(round.at_ms),
            round.reason,
            fmt::to_string(round.attempts),
            fmt::format("{}/{}", round.participants.size(), round.expected),
            number_text(round.estimate),
            number_text(round.threshold),
            duration_text(static_cast<double>(round.duration_ms) / 1000),
            bytes_text(round.bytes_sent),
            digest};
}

void print(const control::RoundsReply& reply) {
    if (reply.rounds.empty()) {
        fmt::print(
            "No round since the daemon has started; dynavg status says what it waits for.\n");
        return;
    }
    std::vector<TableRow> rows{{"EPOCH", "WHEN", "REASON", "ATTEMPTS", "PEERS", "ESTIMATE",
                                "THRESHOLD", "TOOK", "SENT", "DIGEST"}};
    for (const control::RoundRecord& round : reply.rounds) rows.push_back(row_of(round));
    std::fputs(table_text(rows).c_str(), stdout);
}

ExitCode run(const RoundsOptions& options) {
    const auto reply = ask_daemon(options.daemon, control::rounds_request(options.count));
    if (!reply) return reply.error();
    const auto rounds = control::rounds_from(*reply);
    if (!rounds) {
        complain(rounds.error().message);
        return ExitCode::failed;
    }
    if (options.daemon.json) {
        std::fputs(control::to_line(*reply).c_str(), stdout);
    } else {
        print(*rounds);
    }
    return ExitCode::done;
}

}  // namespace

void add_rounds(CLI::App& app, ExitCode& result) {
    CLI::App* verb =
        app.add_subcommand("rounds", "The last rounds of the daemon, and why they were");
    const auto options = std::make_shared<RoundsOptions>();
    verb->add_option("--count", options->count, "How many at most")
        ->capture_default_str()
        ->check(CLI::Range(std::size_t{1}, control::kRoundsKept))
        ->type_name("N");
    add_daemon_options(*verb, options->daemon);
    verb->footer(
        "PEERS: how many took part, of those expected. SENT: models, by this peer. "
        "\"adopted\":\n"
        "the round went on without this peer, which took its result over.\n\n"
        "Example:\n  dynavg rounds --count 5");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
