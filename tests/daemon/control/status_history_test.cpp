#include "daemon/control/status_history.hpp"

#include "tests/catch.hpp"

using namespace dynavg::daemon;
using namespace std::chrono_literals;
using dynavg::protocol::Instant;

namespace {

StatusSample sample(std::uint64_t at_ms) {
    StatusSample made;
    made.at_ms = at_ms;
    return made;
}

}  // namespace

TEST_CASE("a sample is kept once the interval is over", "[status_history]") {
    StatusHistory history;
    history.add(sample(1), Instant{1h});
    history.add(sample(2), Instant{1h} + StatusHistory::kIntervalFirst - 1us);
    history.add(sample(3), Instant{1h} + StatusHistory::kIntervalFirst);
    REQUIRE(history.samples().size() == 2);
    CHECK(history.samples()[1].at_ms == 3);
}

TEST_CASE("a whole life fits, evenly spread, and its newest sample is there", "[status_history]") {
    StatusHistory history;
    // Ten days, a sample offered each second.
    const std::uint64_t seconds = 10 * 24 * 3600;
    for (std::uint64_t s = 0; s < seconds; ++s) {
        history.add(sample(s), Instant{1h} + std::chrono::seconds(s));
        REQUIRE(history.samples().size() < StatusHistory::kSamplesMax);
    }
    const auto& samples = history.samples();
    CHECK(samples.size() >= StatusHistory::kSamplesMax / 2);
    const auto interval = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(history.interval()).count());
    CHECK(samples.back().at_ms + interval >= seconds);
    for (std::size_t i = 1; i < samples.size(); ++i) {
        REQUIRE(samples[i].at_ms - samples[i - 1].at_ms == interval);
    }
}
