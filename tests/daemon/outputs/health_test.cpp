#include "daemon/outputs/health.hpp"

#include <algorithm>

#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;

namespace {

/// A daemon that is well.
HealthInputs well() {
    HealthInputs inputs;
    inputs.uptime = 1h;
    inputs.peers_live = 3;
    inputs.peers_wanted = 1;
    inputs.seeds = 1;
    inputs.round_open = 59s;
    inputs.round_patience = 60s;
    inputs.trainer_silence = 120s;
    inputs.trainer_silence_max = 120s;
    inputs.disk_free = 1'000'000'000;
    inputs.disk_wanted = 1'000'000'000;
    inputs.clock_skew_ms = -2000;
    return inputs;
}

/// The one finding; empty if there is none.
control::HealthFinding only(const HealthInputs& inputs) {
    const auto findings = assess(inputs);
    REQUIRE(findings.size() <= 1);
    return findings.empty() ? control::HealthFinding{} : findings.front();
}

}  // namespace

TEST_CASE("a daemon that is well has no findings, at each bound", "[health]") {
    CHECK(assess(well()).empty());
}

TEST_CASE("too few peers are told after a while, with where to look", "[health]") {
    HealthInputs inputs = well();
    inputs.peers_live = 0;
    CHECK(only(inputs).name == "no-peers");
    CHECK_THAT(only(inputs).message, Contains("no other peer is live") && Contains("firewall"));
    inputs.seeds = 0;
    CHECK_THAT(only(inputs).message, Contains("[node] peers names nobody"));
    inputs.peers_live = 1;
    inputs.peers_wanted = 2;
    CHECK_THAT(only(inputs).message, Contains("only 1 other peers are live, 2 are needed"));
    inputs.uptime = kLonelyAfter;
    CHECK(assess(inputs).empty());
    inputs.uptime = 1h;
    inputs.done = true;
    CHECK(assess(inputs).empty());
}

TEST_CASE("a round that is open for unusually long is told", "[health]") {
    HealthInputs inputs = well();
    inputs.round_open = 61s;
    CHECK(only(inputs).name == "round-stalled");
    CHECK_THAT(only(inputs).message, Contains("open for 61 s") && Contains("dynavg forget"));
    inputs.round_open.reset();
    CHECK(assess(inputs).empty());
    CHECK(round_patience({}) == 60s);
    CHECK(round_patience(1s) == 60s);
    CHECK(round_patience(1min) == 10min);
}

TEST_CASE("a trainer that works for longer than a step takes is told", "[health]") {
    HealthInputs inputs = well();
    inputs.trainer_silence = 121s;
    CHECK(only(inputs).name == "trainer-stalled");
    CHECK_THAT(only(inputs).message, Contains("no step for 121 s, where at most 120 s were"));
}

TEST_CASE("a disk with too little room for the next files is told", "[health]") {
    HealthInputs inputs = well();
    inputs.disk_free = 999'999'999;
    CHECK(only(inputs).name == "disk-low");
    CHECK_THAT(only(inputs).message, Contains("999 MB are free") && Contains("up to 1000 MB"));
    inputs.disk_free.reset();
    CHECK(assess(inputs).empty());
}

TEST_CASE("a clock that is far from the peers' is told, with its direction", "[health]") {
    HealthInputs inputs = well();
    inputs.clock_skew_ms = 2001;
    CHECK(only(inputs).name == "clock-skew");
    CHECK_THAT(only(inputs).message, Contains("2.0 s behind") && Contains("timedatectl"));
    inputs.clock_skew_ms = -61'500;
    CHECK_THAT(only(inputs).message, Contains("61.5 s ahead of"));
    inputs.clock_skew_ms.reset();
    CHECK(assess(inputs).empty());
}

TEST_CASE("peers that are refused are told with what differs", "[health]") {
    HealthInputs inputs = well();
    inputs.other_versions = {"b: protocol.version: theirs 1, ours 2"};
    CHECK(only(inputs).name == "peer-version");
    CHECK_THAT(only(inputs).message, Contains("theirs 1, ours 2") && Contains("update the older"));
    inputs.other_versions.clear();
    inputs.other_settings = {"b: averaging.threshold: theirs 5, ours 4"};
    CHECK(only(inputs).name == "peer-settings");
    inputs.other_settings.clear();
    inputs.otherwise_refused = {"Refuses b. Name it anew."};
    CHECK(only(inputs).name == "peer-refused");
    CHECK(only(inputs).message == "Refuses b. Name it anew.");
}

TEST_CASE("a lack of open files is told", "[health]") {
    HealthInputs inputs = well();
    inputs.open_files = "raise the limit";
    CHECK(only(inputs).name == "open-files");
    CHECK(only(inputs).message == "raise the limit");
}

TEST_CASE("findings come in one order, and each has a name of its own", "[health]") {
    HealthInputs inputs = well();
    inputs.peers_live = 0;
    inputs.round_open = 2min;
    inputs.trainer_silence = 1h;
    inputs.disk_free = 0;
    inputs.clock_skew_ms = 60'000;
    inputs.other_versions = inputs.other_settings = inputs.otherwise_refused = {"x"};
    inputs.open_files = "x";
    std::vector<std::string> names;
    for (const auto& finding : assess(inputs)) names.push_back(finding.name);
    CHECK(names == health_names());
    std::sort(names.begin(), names.end());
    CHECK(std::unique(names.begin(), names.end()) == names.end());
}
