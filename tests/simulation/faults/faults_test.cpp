#include "simulation/faults/faults.hpp"

#include <algorithm>

#include "tests/catch.hpp"

using namespace dynavg::simulation;
using namespace std::chrono_literals;

namespace {

std::string error_of(const std::string& text) {
    const auto faults = parse_faults(text, 4);
    return faults ? std::string() : faults.error().message;
}

}  // namespace

TEST_CASE("faults that are written are the faults that are read", "[faults]") {
    const std::string text =
        "crash@500ms#12:2+10s,wipe@1s:0,leave@2s:1+3s,freeze@3s:1+5s,slow@40s:1*100+60s,"
        "part@60s:0.1|2.3+60s,mute@61s:3+1s,clog@62s:0|1*8000,rot@63s:2,lie@64s:1+1s,"
        "crash@65s#installed:1+2s,diverge@66s:0,diverge@67s#frozen:1,diverge@68s#restarted:2";
    const auto faults = parse_faults(text, 4);
    REQUIRE(faults.has_value());
    REQUIRE(faults->size() == 14);
    CHECK(to_string(*faults) == text);
    const Fault& first = faults->front();
    CHECK(first.kind == FaultKind::crash);
    CHECK(first.at == 500ms);
    CHECK(first.message == 12);
    CHECK(first.peers == std::vector<PeerIndex>{2});
    CHECK(first.length == std::optional<dynavg::protocol::Duration>(10s));
    CHECK_FALSE((*faults)[1].length.has_value());
    CHECK((*faults)[5].others == std::vector<PeerIndex>{2, 3});
    CHECK((*faults)[4].amount == 100);
    CHECK((*faults)[10].moment == FaultMoment::installed);
    CHECK_FALSE((*faults)[11].moment);
    CHECK((*faults)[12].moment == FaultMoment::frozen);
    CHECK(faults->back().moment == FaultMoment::restarted);

    const auto latest = parse_faults("crash@16666666m:1", 4);
    REQUIRE(latest.has_value());
    CHECK(error_of(to_string(*latest)).empty());
}

TEST_CASE("faults are sorted by time", "[faults]") {
    const auto faults = parse_faults("freeze@9s:1+5s,crash@1s:2", 4);
    REQUIRE(faults.has_value());
    CHECK(to_string(*faults) == "crash@1s:2,freeze@9s:1+5s");
}

TEST_CASE("an error in a list of faults is told", "[faults]") {
    using Catch::Matchers::Contains;
    CHECK_THAT(error_of("melt@1s:2"), Contains("melt"));
    CHECK_THAT(error_of("crash@1s:4"), Contains("4"));
    CHECK_THAT(error_of("freeze@1s:2"), !Contains("crash@1s") && Contains("freeze"));
    CHECK_FALSE(error_of("").empty());
    CHECK_FALSE(error_of("crash").empty());
    CHECK_FALSE(error_of("crash@1s").empty());
    CHECK_FALSE(error_of("crash@1s:2,").empty());
    CHECK_FALSE(error_of("crash@-1s:2").empty());
    CHECK_FALSE(error_of("crash@1s#soon:2+1s").empty());
    CHECK_FALSE(error_of("freeze@1s#prepared:2+1s").empty());
    CHECK_FALSE(error_of("crash@1s#frozen:2+1s").empty());
    CHECK_THAT(error_of("diverge@1s#installed:2"), Contains("frozen or restarted"));
    CHECK_FALSE(error_of("diverge@1s#3:2").empty());
    CHECK_FALSE(error_of("diverge@1s:2+1s").empty());
    CHECK_FALSE(error_of("slow@1s:2+1s").empty());
    CHECK_FALSE(error_of("part@1s:1|1").empty());
    CHECK_FALSE(error_of("crash@99999999999999999999s:1").empty());
    CHECK_FALSE(error_of("crash@16666667m:1").empty());
}

TEST_CASE("drawn faults are within their limits and can be written", "[faults]") {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        CAPTURE(seed);
        Dice dice(
            dynavg::protocol::RandomStream(seed, dynavg::protocol::RandomPurpose::simulation, 1));
        FaultLimits limits;
        limits.peers = 4;
        limits.begin = 1s;
        limits.end = 20s;
        limits.disks = true;
        FaultSchedule faults = draw_faults(limits, dice);
        draw_divergences(faults, limits, dice);
        CHECK(std::is_sorted(faults.begin(), faults.end(),
                             [](const Fault& a, const Fault& b) { return a.at < b.at; }));
        for (const Fault& fault : faults) {
            CHECK(fault.at >= 1s);
            CHECK(fault.at <= 20s);
            // Nobody may lose what it has promised, and nobody is lost for good.
            CHECK(fault.kind != FaultKind::wipe);
            CHECK(fault.kind != FaultKind::torn);
            CHECK((!is_crash(fault.kind) || fault.length.has_value()));
        }
        if (!faults.empty()) CHECK(parse_faults(to_string(faults), 4) == faults);
    }
}
