#include <algorithm>

#include "simulation/checkers.hpp"
#include "tests/catch.hpp"
#include "tests/simulation/small_world.hpp"

namespace dynavg::simulation {

using namespace std::chrono_literals;
using protocol::Pace;

namespace {

/// Four peers over links that lose gossip, under the eyes of the checkers.
struct Watched {
    Watched(Pace pace, double threshold)
        : averaging(toy_settings(pace, threshold)),
          world({.peers = 4, .averaging = averaging, .max_steps = 400, .links = {5ms, 60ms, 0.2}}),
          checkers(world.events, 4, averaging, world.initial) {
        world.start(checkers);
    }
    void at(protocol::Duration when, std::size_t peer, double threshold) {
        world.events.after(
            when, [this, peer, threshold] { world.peers[peer]->set_threshold(threshold); });
    }
    /// All are done with one reference, and nothing that must hold was broken.
    void run_well() {
        REQUIRE(world.run_to_the_end());
        checkers.on_end(world.all());
        checkers.on_finish(world.all(), true);
        for (const Violation& violation : checkers.violations()) {
            FAIL_CHECK(violation.invariant << ": " << violation.detail);
        }
        for (const auto& peer : world.peers) {
            CHECK(peer->core().reference()->id == world.peers[0]->core().reference()->id);
        }
    }
    [[nodiscard]] const protocol::Reference& last() const {
        return *world.peers[0]->core().reference();
    }

    protocol::AveragingSettings averaging;
    SmallWorld world;
    Checkers checkers;
};

}  // namespace

TEST_CASE("a threshold that is set at one peer holds at all peers from one reference on",
          "[threshold_setting]") {
    for (const Pace pace : {Pace::lockstep, Pace::free}) {
        CAPTURE(name_of(pace));
        Watched network(pace, 12);
        network.at(2s, 1, 30);
        network.at(3s, 3, 20);
        network.run_well();
        CHECK(network.last().threshold == 20);
        CHECK(network.checkers.event_counts().at("threshold_set") >= 4);
    }
}

TEST_CASE("several who set it at once end with the threshold of one of them",
          "[threshold_setting]") {
    for (const Pace pace : {Pace::lockstep, Pace::free}) {
        CAPTURE(name_of(pace));
        Watched network(pace, 12);
        for (std::size_t peer = 0; peer < 4; ++peer) {
            network.at(2s, peer, 20 + static_cast<double>(peer));
        }
        network.run_well();
        CHECK(network.last().threshold >= 20);
        CHECK(network.last().threshold <= 23);
    }
}

TEST_CASE("a threshold that no drift would ever reach can be left", "[threshold_setting]") {
    for (const Pace pace : {Pace::lockstep, Pace::free}) {
        CAPTURE(name_of(pace));
        Watched network(pace, 1e12);
        network.at(2s, 2, 12);
        network.run_well();
        // More than the last round, which comes in any case.
        CHECK(network.last().epoch > protocol::Epoch(2));
        CHECK(network.last().threshold == 12);
    }
}

}  // namespace dynavg::simulation
