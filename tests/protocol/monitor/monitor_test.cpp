#include "protocol/monitor/monitor.hpp"

#include <limits>

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{};

VarianceMonitor norm_monitor() {
    return {MonitorKind::norm, {}, 10};
}

PeerId id(int number) {
    return peer(number).id;
}

}  // namespace

TEST_CASE("a peer that is not heard counts with zero drift", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart).bound == Approx(0));
    REQUIRE(monitor.put(id(0), 3, {6, {}}, kStart));
    const Estimate two = monitor.estimate_latest(peers({0, 1}), kStart);
    CHECK(two.bound == Approx(3));
    CHECK(two.states == 1);
    CHECK(monitor.estimate_latest(peers({0, 1, 2}), kStart).bound == Approx(2));
}

TEST_CASE("only the peers asked about count, each with its latest state", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    REQUIRE(monitor.put(id(0), 1, {6, {}}, kStart));
    REQUIRE(monitor.put(id(1), 1, {100, {}}, kStart));
    REQUIRE(monitor.put(id(0), 2, {8, {}}, kStart));
    CHECK(monitor.estimate_latest(peers({0}), kStart).bound == Approx(8));
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart).states == 2);
    monitor.keep_only([](const PeerId& peer) { return peer != id(1); });
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart).bound == Approx(4));
    monitor.reset();
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart).states == 0);
}

TEST_CASE("a peer counts by its weight, heard or not", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    monitor.weigh(id(0), 3);
    REQUIRE(monitor.put(id(0), 1, {6, {}}, kStart));
    REQUIRE(monitor.put(id(1), 1, {2, {}}, kStart));
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart).bound == Approx((3 * 6 + 2) / 4.0));
    monitor.weigh(id(2), 6);
    CHECK(monitor.estimate_latest(peers({0, 1, 2}), kStart).bound == Approx((3 * 6 + 2) / 10.0));
}

TEST_CASE("cascade is linear until all sketches are in, then the lower of both", "[monitor]") {
    constexpr SketchShape kRow{1, 4};
    VarianceMonitor monitor(MonitorKind::cascade, kRow, 4);
    const auto estimate = [&] { return monitor.estimate_at(1, peers({0, 1}), kStart); };
    // Drifts (2, 0, 0, 0) and (2, 2, 0, 0); the direction sees nothing of them.
    REQUIRE(monitor.put(id(0), 1, {4, {0}}, kStart));
    REQUIRE(monitor.put(id(1), 1, {8, {0}}, kStart));
    CHECK(estimate().brief);
    CHECK(estimate().bound == Approx(6));
    CHECK(monitor.lacks_sketch(id(0), 1));
    REQUIRE(monitor.put(id(0), 1, {4, {0, 2, 0, 0, 0}}, kStart));
    CHECK_FALSE(monitor.lacks_sketch(id(0), 1));
    CHECK(estimate().brief);
    CHECK(estimate().bound == Approx(6));
    REQUIRE(monitor.put(id(1), 1, {8, {0, 2, 2, 0, 0}}, kStart));
    CHECK_FALSE(estimate().brief);
    CHECK(estimate().bound == Approx(6 - 5 / 1.5));
    // A brief one that comes late takes nothing away.
    REQUIRE(monitor.put(id(1), 1, {8, {0}}, kStart));
    CHECK_FALSE(estimate().brief);
    CHECK_FALSE(monitor.put(id(1), 2, {8, {0, 1}}, kStart));
    // A direction that sees all is the better bound.
    REQUIRE(monitor.put(id(0), 2, {4, {2, 2, 0, 0, 0}}, kStart));
    REQUIRE(monitor.put(id(1), 2, {4, {2, 2, 0, 0, 0}}, kStart));
    CHECK(monitor.estimate_at(2, peers({0, 1}), kStart).bound == Approx(0));
}

TEST_CASE("the violators are found among the states that the estimate takes", "[monitor]") {
    VarianceMonitor monitor(MonitorKind::local_balanced, {}, 10);
    for (const int number : {0, 1, 2}) REQUIRE(monitor.put(id(number), 4, {5, {}}, kStart));
    REQUIRE(monitor.put(id(0), 5, {9, {}}, kStart));
    REQUIRE(monitor.put(id(1), 4, {9, {}}, kStart));  // It has told 5 for that step.
    REQUIRE(monitor.put(id(3), 2, {6, {}}, kStart));  // Done, or behind.
    CHECK(monitor.peers_above(5, 4, peers({0, 1, 2, 3, 4})) == std::set<PeerId>{id(3)});
    CHECK(monitor.peers_above(4, 4, peers({0, 1})) == std::set<PeerId>{id(0), id(1)});
    CHECK(monitor.peers_above(5, 5, peers({0, 1, 2})) == std::set<PeerId>{id(0)});
    CHECK(monitor.estimate_at(4, peers({0, 1, 2}), kStart).bound == Approx(5));
}

TEST_CASE("the last two steps of a peer are kept", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    for (const std::uint32_t step : {1U, 2U, 3U}) {
        REQUIRE(monitor.put(id(0), step, {static_cast<float>(step), {}}, kStart));
    }
    CHECK(monitor.state_at(id(0), 1) == nullptr);
    REQUIRE(monitor.state_at(id(0), 2) != nullptr);
    CHECK(monitor.state_at(id(0), 2)->squared_norm == Approx(2));
    CHECK(monitor.state_at(id(0), 3)->squared_norm == Approx(3));
    CHECK(monitor.latest_step(id(0)) == 3U);
    CHECK_FALSE(monitor.latest_step(id(1)));
    CHECK(monitor.state_at(id(1), 2) == nullptr);
}

TEST_CASE("states that come late or twice fall into place", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    REQUIRE(monitor.put(id(0), 5, {5, {}}, kStart));
    REQUIRE(monitor.put(id(0), 3, {3, {}}, kStart));  // The one before, until a newer one comes.
    CHECK(monitor.state_at(id(0), 3) != nullptr);
    REQUIRE(monitor.put(id(0), 4, {4, {}}, kStart));
    CHECK(monitor.state_at(id(0), 3) == nullptr);
    CHECK(monitor.state_at(id(0), 4) != nullptr);
    REQUIRE(monitor.put(id(0), 2, {2, {}}, kStart));
    CHECK(monitor.state_at(id(0), 2) == nullptr);
    REQUIRE(monitor.put(id(0), 5, {50, {}}, kStart));  // The first word for a step stays.
    CHECK(monitor.state_at(id(0), 5)->squared_norm == Approx(5));
    CHECK(monitor.latest_step(id(0)) == 5U);
}

TEST_CASE("the estimate of a step uses that step's states", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    REQUIRE(monitor.put(id(0), 1, {1, {}}, kStart));
    REQUIRE(monitor.put(id(0), 2, {100, {}}, kStart));  // Already one step ahead.
    REQUIRE(monitor.put(id(1), 1, {3, {}}, kStart));
    CHECK(monitor.estimate_at(1, peers({0, 1}), kStart).bound == Approx(2));
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart).bound == Approx(51.5));
    // Peer 1 is done: it counts with its last state.
    CHECK(monitor.estimate_at(2, peers({0, 1}), kStart).bound == Approx(51.5));
}

TEST_CASE("the estimate tells the age of its oldest state", "[monitor]") {
    VarianceMonitor monitor = norm_monitor();
    CHECK(monitor.estimate_latest(peers({0}), kStart + 5s).oldest == 0s);
    REQUIRE(monitor.put(id(0), 1, {1, {}}, kStart + 1s));
    REQUIRE(monitor.put(id(1), 1, {1, {}}, kStart + 3s));
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart + 5s).oldest == 4s);
    CHECK(monitor.estimate_latest(peers({1}), kStart + 5s).oldest == 2s);
    REQUIRE(monitor.put(id(0), 2, {1, {}}, kStart + 4s));
    CHECK(monitor.estimate_latest(peers({0, 1}), kStart + 5s).oldest == 2s);
    CHECK(monitor.estimate_at(1, peers({0, 1}), kStart + 5s).oldest == 4s);
}

TEST_CASE("a state that is not valid is refused and changes nothing", "[monitor]") {
    VarianceMonitor monitor(MonitorKind::linear, {}, 10);
    REQUIRE(monitor.put(id(0), 1, {4, {1}}, kStart));
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK_FALSE(monitor.put(id(0), 2, {nan, {1}}, kStart));
    CHECK_FALSE(monitor.put(id(0), 2, {4, {nan}}, kStart));
    CHECK_FALSE(monitor.put(id(0), 2, {infinity, {1}}, kStart));
    CHECK_FALSE(monitor.put(id(0), 2, {4, {-infinity}}, kStart));
    CHECK_FALSE(monitor.put(id(0), 2, {-4, {1}}, kStart));
    CHECK_FALSE(monitor.put(id(0), 2, {4, {}}, kStart));
    CHECK_FALSE(monitor.put(id(0), 2, {4, {1, 1}}, kStart));
    CHECK(monitor.latest_step(id(0)) == 1U);
    CHECK(monitor.estimate_latest(peers({0}), kStart).bound == Approx(3));
}

TEST_CASE("the order in which states arrive does not change a bit of the estimate", "[monitor]") {
    // In double, (a + b) + c differs from a + (b + c) for these.
    const std::vector<float> norms{1e8F, 3e-9F, 7e-9F, 0.1F};
    VarianceMonitor forward = norm_monitor();
    VarianceMonitor backward = norm_monitor();
    for (int i = 0; i < 4; ++i) {
        REQUIRE(forward.put(id(i), 1, {norms[static_cast<std::size_t>(i)], {}}, kStart));
        REQUIRE(backward.put(id(3 - i), 1, {norms[static_cast<std::size_t>(3 - i)], {}}, kStart));
    }
    double sum = 0;
    for (const float norm : norms) sum += static_cast<double>(norm);
    const double expected = sum / 4;
    CHECK_FALSE(forward.estimate_latest(peers({0, 1, 2, 3}), kStart).bound < expected);
    CHECK_FALSE(forward.estimate_latest(peers({0, 1, 2, 3}), kStart).bound > expected);
    CHECK_FALSE(backward.estimate_latest(peers({0, 1, 2, 3}), kStart).bound < expected);
    CHECK_FALSE(backward.estimate_latest(peers({0, 1, 2, 3}), kStart).bound > expected);
}

}  // namespace dynavg::protocol
