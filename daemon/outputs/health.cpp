#include "daemon/outputs/health.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discovery/clock_skew.hpp"

namespace dynavg::daemon {

using control::HealthFinding;
using protocol::Duration;

namespace {

constexpr const char* kTrainerStalled = "trainer-stalled";
constexpr const char* kDiskLow = "disk-low";
constexpr const char* kRoundStalled = "round-stalled";
constexpr const char* kNoPeers = "no-peers";
constexpr const char* kClockSkew = "clock-skew";
constexpr const char* kPeerVersion = "peer-version";
constexpr const char* kPeerSettings = "peer-settings";
constexpr const char* kPeerRefused = "peer-refused";
constexpr const char* kOpenFiles = "open-files";

constexpr Duration kRoundPatienceMin = std::chrono::minutes(1);
constexpr int kRoundPatienceTimes = 10;

std::int64_t seconds(Duration duration) {
    return std::chrono::duration_cast<std::chrono::seconds>(duration).count();
}

std::string no_peers_text(const HealthInputs& inputs) {
    const std::string live =
        inputs.peers_live == 0
            ? "no other peer is live"
            : fmt::format("only {} other peers are live, {} are needed for a round",
                          inputs.peers_live, inputs.peers_wanted);
    if (inputs.seeds == 0) {
        return live + ": [node] peers names nobody; name one that runs, or wait for others to dial";
    }
    return live +
           ": check that the machines in [node] peers run dynavgd and are reached from here "
           "(dynavg peers; firewall, bind, advertise)";
}

std::string round_text(const HealthInputs& inputs) {
    return fmt::format(
        "a round has been open for {} s, which is unusual here: a member or a link is slow or "
        "lost; dynavg status tells its attempt, dynavg peers who is silent, and dynavg forget "
        "lets go who will not come back",
        seconds(*inputs.round_open));
}

std::string trainer_text(const HealthInputs& inputs) {
    return fmt::format(
        "no step for {} s, where at most {} s were to be expected: the machine is overloaded, its "
        "data can't "
        "be read, or training hangs; look at its load and disks, then restart the daemon",
        seconds(inputs.trainer_silence), seconds(inputs.trainer_silence_max));
}

std::string disk_text(const HealthInputs& inputs) {
    return fmt::format(
        "{} MB are free for [node] state_dir, where the next files take up to {} MB: make room, or "
        "a crash costs what was learned since the last copy",
        *inputs.disk_free / 1'000'000, (inputs.disk_wanted + 999'999) / 1'000'000);
}

std::string version_text(const HealthInputs& inputs) {
    return fmt::format(
        "refused because of another protocol version: {}; update the older of the two",
        fmt::join(inputs.other_versions, "; "));
}

std::string settings_text(const HealthInputs& inputs) {
    return fmt::format(
        "refused because their settings differ: {}; make them equal, or give that network another "
        "name",
        fmt::join(inputs.other_settings, "; "));
}

bool clock_differs(const HealthInputs& inputs) {
    return inputs.clock_skew_ms && discovery::is_clock_skewed(*inputs.clock_skew_ms);
}

struct Rule {
    const char* name;
    bool (*holds)(const HealthInputs&);
    std::string (*text)(const HealthInputs&);
};

const Rule kRules[] = {
    {kTrainerStalled,
     [](const HealthInputs& in) { return in.trainer_silence > in.trainer_silence_max; },
     trainer_text},
    {kDiskLow,
     [](const HealthInputs& in) { return in.disk_free && *in.disk_free < in.disk_wanted; },
     disk_text},
    {kOpenFiles, [](const HealthInputs& in) { return !in.open_files.empty(); },
     [](const HealthInputs& in) { return in.open_files; }},
    {kRoundStalled,
     [](const HealthInputs& in) { return in.round_open && *in.round_open > in.round_patience; },
     round_text},
    {kNoPeers,
     [](const HealthInputs& in) {
         return !in.done && in.uptime > kLonelyAfter && in.peers_live < in.peers_wanted;
     },
     no_peers_text},
    {kClockSkew, clock_differs,
     [](const HealthInputs& in) {
         return fmt::format("{}; {}", clock_text(*in.clock_skew_ms), kClockFix);
     }},
    {kPeerVersion, [](const HealthInputs& in) { return !in.other_versions.empty(); }, version_text},
    {kPeerSettings, [](const HealthInputs& in) { return !in.other_settings.empty(); },
     settings_text},
    {kPeerRefused, [](const HealthInputs& in) { return !in.otherwise_refused.empty(); },
     [](const HealthInputs& in) {
         return fmt::format("{}", fmt::join(in.otherwise_refused, " "));
     }},
};

}  // namespace

std::vector<HealthFinding> assess(const HealthInputs& inputs) {
    std::vector<HealthFinding> findings;
    for (const Rule& rule : kRules) {
        if (rule.holds(inputs)) findings.push_back({rule.name, rule.text(inputs)});
    }
    return findings;
}

const std::vector<std::string>& health_names() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> all;
        for (const Rule& rule : kRules) all.emplace_back(rule.name);
        return all;
    }();
    return names;
}

std::uint64_t disk_wanted(const protocol::ReferenceShape& shape) {
    constexpr std::uint64_t kFiles = 4;
    constexpr std::uint64_t kRoom = 16'000'000;
    return kFiles * shape.encoded_bytes() + kRoom;
}

std::string clock_text(std::int64_t skew_ms) {
    return fmt::format(
        "this machine's clock is {:.1f} s {} those of its peers, by their median: no round depends "
        "on it, but the times in logs and of `dynavg set threshold` do",
        static_cast<double>(std::abs(skew_ms)) / 1000, skew_ms > 0 ? "behind" : "ahead of");
}

Duration round_patience(std::optional<Duration> mean) {
    return std::max(kRoundPatienceMin, kRoundPatienceTimes * mean.value_or(Duration{}));
}

}  // namespace dynavg::daemon
