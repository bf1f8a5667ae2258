#include "discovery/failure_detector.hpp"

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"

using namespace dynavg::discovery;
using namespace std::chrono_literals;
using dynavg::protocol::Duration;
using dynavg::protocol::Instant;
using dynavg::protocol::RandomPurpose;
using dynavg::protocol::RandomStream;

namespace {

Instant at(Duration since_start) {
    return Instant{} + since_start;
}

/// After `count` arrivals `interval` apart, the last one at the returned moment.
Instant beat(FailureDetector& detector, Instant start, Duration interval, int count) {
    for (int i = 0; i < count; ++i) detector.on_heartbeat(start += interval);
    return start;
}

}  // namespace

TEST_CASE("regular arrivals are expected within six intervals", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    CHECK(detector.timeout() > 5s);
    CHECK(detector.timeout() < 7s);
    Instant last = beat(detector, at(0s), 500ms, 24);
    CHECK(detector.timeout() < 3500ms);
    last = beat(detector, last, 500ms, 400);
    CHECK(detector.timeout() > 2990ms);
    CHECK(detector.timeout() < 3010ms);
    CHECK(detector.deadline(1) == last + detector.timeout());
    CHECK(detector.deadline(2) == last + 2 * detector.timeout());
}

TEST_CASE("the timeout stays within its bounds", "[failure_detector]") {
    FailureDetector fast(10ms, at(0s));
    beat(fast, at(0s), 10ms, 1000);
    CHECK(fast.timeout() == 1500ms);
    FailureDetector slow(60s, at(0s));
    CHECK(slow.timeout() == 30s);
    FailureDetector fixed(500ms, at(0s), 700ms);
    beat(fixed, at(0s), 500ms, 10);
    CHECK(fixed.timeout() == 700ms);
}

TEST_CASE("a rhythm that is not the expected one is learned", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    beat(detector, at(0s), 2s, 500);
    CHECK(detector.timeout() > 11900ms);
    CHECK(detector.timeout() < 12500ms);
}

TEST_CASE("loss widens the timeout to about a dozen intervals", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    RandomStream random(7, RandomPurpose::test);
    Instant now = at(0s);
    double sum_s = 0;
    for (int i = 0; i < 4000; ++i) {
        now += 500ms;
        if (random.uniform() < 0.3) continue;
        detector.on_heartbeat(now);
        sum_s += std::chrono::duration<double>(detector.timeout()).count() / (4000 * 0.7);
    }
    CHECK(sum_s > 5.0);
    CHECK(sum_s < 7.0);
}

TEST_CASE("a long freeze does not teach to accept freezes", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    Instant last = beat(detector, at(0s), 500ms, 400);
    const Duration before = detector.timeout();
    last = beat(detector, last + 1h, 500ms, 1);
    CHECK(detector.timeout() == before);
    // The second in a row may be how the peer is from now on.
    last = beat(detector, last + 1h, 500ms, 1);
    CHECK(detector.timeout() > before);
    CHECK(detector.timeout() < 6s);
    beat(detector, last, 500ms, 300);
    CHECK(detector.timeout() < 3200ms);
}

TEST_CASE("a rhythm that is slower than the timeout is learned too", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    const Instant last = beat(detector, at(0s), 500ms, 400);
    beat(detector, last, 5s, 20);
    CHECK(detector.timeout() > 10s);
}

TEST_CASE("other messages are signs of life but no rhythm", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    const Instant last = beat(detector, at(0s), 500ms, 100);
    const Duration before = detector.timeout();
    for (int i = 0; i < 1000; ++i) detector.on_heard(last + i * 1ms);
    CHECK(detector.timeout() == before);
    CHECK(detector.last_heard() == last + 999ms);
    // A late one does not turn time back.
    detector.on_heard(last);
    CHECK(detector.last_heard() == last + 999ms);
}

TEST_CASE("an own pause is granted to others, never beyond now", "[failure_detector]") {
    FailureDetector detector(500ms, at(0s));
    detector.grant(8s, at(10s));
    CHECK(detector.last_heard() == at(8s));
    detector.grant(8s, at(10s));
    CHECK(detector.last_heard() == at(10s));
}

TEST_CASE("own lateness stretches timeouts for a while", "[failure_detector]") {
    LocalHealth health;
    CHECK(health.stretch(at(0s)) == 1.0);
    CHECK(health.on_tick(at(1s), at(1050ms)) == Duration::zero());
    CHECK(health.stretch(at(2s)) == 1.0);
    CHECK(health.on_tick(at(2s), at(2500ms)) == Duration::zero());
    CHECK(health.stretch(at(2500ms)) == Approx(2.0));
    CHECK(health.stretch(at(12500ms)) == Approx(1.5));
    CHECK(health.stretch(at(62500ms)) < 1.02);
    CHECK(health.on_tick(at(70s), at(90s)) == 20s);
    CHECK(health.stretch(at(90s)) == Approx(4.0));
}
