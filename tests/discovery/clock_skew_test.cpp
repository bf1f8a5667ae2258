#include "discovery/clock_skew.hpp"

#include <limits>

#include "tests/catch.hpp"

using namespace dynavg::discovery;

TEST_CASE("late heartbeats do not make a clock look behind", "[clock_skew]") {
    PeerClock clock;
    CHECK_FALSE(clock.offset());
    clock.on_heard(900, 1000);
    CHECK(clock.offset() == -100);
    clock.on_heard(1000, 1000);
    clock.on_heard(1000, 31'000);
    CHECK(clock.offset() == 0);
}

TEST_CASE("a clock that is set anew shows after a few heartbeats", "[clock_skew]") {
    PeerClock clock;
    for (std::size_t i = 0; i < 3; ++i) clock.on_heard(10'000, 0);
    for (std::size_t i = 0; i < PeerClock::kSamples; ++i) {
        CHECK(clock.offset() == 10'000);
        clock.on_heard(0, 0);
    }
    CHECK(clock.offset() == 0);
}

TEST_CASE("any clock of a peer gives a difference", "[clock_skew]") {
    constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
    CHECK(offset_between(kMost, 0) == std::int64_t{1} << 53);
    CHECK(offset_between(0, kMost) == -(std::int64_t{1} << 53));
    CHECK(offset_between(kMost, kMost) == 0);
}

TEST_CASE("the skew is against the median of all live clocks", "[clock_skew]") {
    CHECK_FALSE(clock_skew({}));
    // Of two nobody can tell who is wrong.
    CHECK(clock_skew({5000}) == 5000);
    CHECK(clock_skew({-5000}) == -5000);
    // One of three: its own fault.
    CHECK(clock_skew({0, 60'000}) == 0);
    CHECK(clock_skew({-60'000, -60'000}) == -60'000);
    // Two and two.
    CHECK(clock_skew({0, 10'000, 10'000}) == 10'000);
    CHECK(clock_skew({3, 7, -2, 60'000}) == 3);
}

TEST_CASE("two seconds are no skew yet", "[clock_skew]") {
    CHECK_FALSE(is_clock_skewed(2000));
    CHECK_FALSE(is_clock_skewed(-2000));
    CHECK(is_clock_skewed(2001));
    CHECK(is_clock_skewed(-2001));
}
