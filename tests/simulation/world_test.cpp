#include "simulation/world.hpp"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/simulation/small_world.hpp"

namespace dynavg::simulation {

using namespace std::chrono_literals;
using protocol::MonitorKind;
using protocol::Pace;

namespace {

WorldOptions world_of(std::size_t peers, Pace pace, std::uint64_t steps) {
    WorldOptions options;
    options.seed = 7;
    options.peers = peers;
    options.averaging.pace = pace;
    options.averaging.monitor = MonitorKind::linear;
    options.averaging.threshold = 12;
    options.start_peers = static_cast<std::uint32_t>(peers);
    options.max_steps.assign(peers, steps);
    options.step_times.assign(peers, 20ms);
    options.start_delays.assign(peers, 0ms);
    return options;
}

/// Runs it and checks that all went well; a failure tells how to see it again.
WorldReport run_well(const WorldOptions& options) {
    INFO("seed " << options.seed << ": " << options.describe());
    INFO("replay: simulation_tests \"" << Catch::getResultCapture().getCurrentTestName() << '"');
    const WorldReport report = run_world(options);
    for (const Violation& violation : report.violations) {
        FAIL_CHECK(violation.invariant << ": " << violation.detail);
    }
    CHECK(report.finished);
    REQUIRE(report.references.size() == options.peers);
    for (const protocol::ReferenceId& id : report.references) CHECK(id == report.references[0]);
    CHECK(report.references[0].epoch.value() == report.epochs);
    return report;
}

}  // namespace

TEST_CASE("four peers in lockstep over a good network end with one reference", "[world]") {
    const WorldReport report = run_well(world_of(4, Pace::lockstep, 60));
    CHECK(report.epochs > 3);
    CHECK(report.event_counts.count("round_restarted") == 0);
    CHECK(report.event_counts.count("peer_suspected") == 0);
}

TEST_CASE("in lockstep the network's timing does not change a bit of the result", "[world]") {
    WorldOptions options = world_of(4, Pace::lockstep, 60);
    const WorldReport quiet = run_well(options);
    options.links = {5ms, 150ms, 0.2, 0.3};
    options.step_times = {5ms, 20ms, 7ms, 60ms};
    options.start_delays = {0ms, 900ms, 300ms, 50ms};
    options.suspicion_timeout = 30s;  // Nobody is lost by mistake.
    const WorldReport rough = run_well(options);
    CHECK(rough.epochs == quiet.epochs);
    CHECK(rough.references[0] == quiet.references[0]);
}

TEST_CASE("a late joiner takes part from the next reference on", "[world]") {
    for (const Pace pace : {Pace::lockstep, Pace::free}) {
        CAPTURE(name_of(pace));
        WorldOptions options = world_of(4, pace, 300);
        options.start_peers = 3;
        options.start_delays[3] = 4s;
        const WorldReport report = run_well(options);
        CHECK(report.event_counts.at("adopted") >= 1);
    }
}

TEST_CASE("newcomers that come together find the network's reference and make none of their own",
          "[world]") {
    // Each may begin by itself, and hears the other newcomer sooner or later than the founders.
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        WorldOptions options = world_of(5, Pace::free, 1500);
        options.seed = seed;
        options.start_peers = 1;
        options.all_are_seeds = true;
        options.links = {1ms, 60ms, 0, 0};
        options.start_delays = {0ms, 0ms, 20s, 20s, 20s};
        options.averaging.threshold = 4;
        const WorldReport report = run_well(options);
        CHECK(report.event_counts.count("fork_detected") == 0);
    }
}

TEST_CASE("where more than start_peers come up at once, sets may differ until the first round",
          "[world]") {
    // Some of its eight peers step with seven at first: H is of each one's own set.
    run_well(swarm_options(1335));
}

TEST_CASE("a peer ten times slower than the others holds no peer up for ever", "[world]") {
    WorldOptions options = world_of(3, Pace::free, 200);
    options.step_times[2] = 200ms;
    options.max_steps[2] = 20;
    const WorldReport free = run_well(options);
    CHECK(free.virtual_time < 30s);
    options.averaging.max_lag_steps = 5;
    const WorldReport bounded = run_well(options);
    CHECK(bounded.epochs > 3);
}

TEST_CASE("no peer runs further ahead of the slowest than max_lag_steps", "[world]") {
    constexpr std::uint64_t kLag = 6;
    protocol::AveragingSettings averaging = toy_settings(Pace::free, 40);
    averaging.max_lag_steps = kLag;
    SmallWorld world({.averaging = averaging, .max_steps = 100, .step_times = {10ms, 15ms, 100ms}});
    struct LagWatch final : Observer {
        explicit LagWatch(const SmallWorld& watched) : world(watched) {}
        void on_step(const Peer& peer, double) override {
            for (const Peer* other : world.all()) {
                const bool same = other->installed()->id == peer.installed()->id;
                if (!same || other->steps() == 100) continue;
                const std::uint64_t ahead = peer.steps_since_reference();
                const std::uint64_t behind = other->steps_since_reference();
                most = std::max(most, ahead - std::min(ahead, behind));
            }
        }
        const SmallWorld& world;
        std::uint64_t most = 0;
    } watch(world);
    world.start(watch);
    REQUIRE(world.run_to_the_end());
    CHECK(watch.most == kLag);
}

TEST_CASE("a peer whose contributions are not what it says sits out until they are", "[world]") {
    for (const Pace pace : {Pace::free, Pace::lockstep}) {
        CAPTURE(name_of(pace));
        SmallWorld world({.peers = 4, .averaging = toy_settings(pace, 20), .max_steps = 120});
        struct LieWatch final : Observer {
            void on_event(const Peer& peer, const protocol::Event& event) override {
                if (event.name != "contribution_refused") return;
                ++refusals;
                CHECK(peer.index() != 3);
                CHECK(std::get<std::string>(*event.find("peer")) == liar.fingerprint());
            }
            void on_exchange_done(const Peer&, const protocol::ExchangeResult& result) override {
                const auto& roster = result.certificate.roster;
                const bool with_liar = std::any_of(roster.begin(), roster.end(),
                                                   [&](const auto& m) { return m.id == liar; });
                ++(with_liar ? with : without);
            }
            protocol::PeerId liar = protocol::PeerId::from_name("peer-3");
            int refusals = 0;
            int with = 0;
            int without = 0;
        } watch;
        world.start(watch);
        world.peers[3]->set_lying(true);
        REQUIRE(world.run_until([&] { return watch.without >= 9; }));
        CHECK(watch.with == 0);
        CHECK(watch.refusals >= 3);
        world.peers[3]->set_lying(false);
        REQUIRE(world.run_to_the_end());
        CHECK(watch.with > 0);
        for (const auto& peer : world.peers) {
            CHECK(peer->installed()->id == world.peers[0]->installed()->id);
        }
    }
}

TEST_CASE("a peer that sat out some rounds has lost nothing", "[world]") {
    // The checkers count each of its steps, which are in the last reference or in its drift.
    for (const Pace pace : {Pace::free, Pace::lockstep}) {
        CAPTURE(name_of(pace));
        WorldOptions options = world_of(4, pace, 200);
        options.faults.mode = FaultMode::safety;
        options.faults.schedule = parse_faults("lie@1500ms:3+1s", 4).value();
        options.faults.length = 3s;
        const WorldReport report = run_well(options);
        CHECK(report.event_counts.at("contribution_refused") > 0);
    }
}

TEST_CASE("a contribution that is given again after a crash counts as much as before", "[world]") {
    protocol::AveragingSettings averaging = toy_settings(Pace::free, 400);
    averaging.weights = protocol::WeightRule::samples;
    SmallWorld world({.peers = 2,
                      .averaging = averaging,
                      .step_times = {1s, 1s},
                      .durable = true,
                      .samples = 60});
    struct WeightWatch final : Observer {
        void on_frozen(const Peer& peer, const protocol::Contribution& frozen) override {
            CHECK(frozen.facts.weight == 60);
            if (peer.lives() == 2) steps_given_again = frozen.facts.steps;
        }
        std::uint64_t steps_given_again = 0;
    } watch;
    world.start(watch);
    // In the first round, after 20 steps; its last record has 17 of them.
    Peer& peer = *world.peers[1];
    world.events.after(15s, [&] {
        peer.crash_at_message(2, [&] {
            peer.crash(LastWords::lost);
            world.events.after(1s, [&] { peer.start(); });
        });
    });
    REQUIRE(world.run_until([&] { return peer.installed()->epoch == protocol::Epoch(1); }));
    CHECK(watch.steps_given_again == 17);
    CHECK(peer.installed()->values == std::vector<float>{10, 8.5F});
}

TEST_CASE("with 30 % of gossip lost all peers still end with one reference", "[world]") {
    for (const Pace pace : {Pace::lockstep, Pace::free}) {
        CAPTURE(name_of(pace));
        WorldOptions options = world_of(5, pace, 60);
        options.links = {1ms, 80ms, 0.3, 0.1};
        run_well(options);
    }
}

TEST_CASE("every-step makes a reference of every step", "[world]") {
    WorldOptions options = world_of(3, Pace::lockstep, 12);
    options.averaging.monitor = MonitorKind::every_step;
    CHECK(run_well(options).epochs == 12);
}

TEST_CASE("the same options give the same run, event by event", "[world]") {
    for (const std::uint64_t seed : {3U, 4U, 11U}) {
        CAPTURE(seed);
        WorldOptions options = swarm_options(seed);
        std::vector<std::string> first;
        options.trace = [&first](const std::string& line) { first.push_back(line); };
        const WorldReport once = run_world(options);
        std::vector<std::string> second;
        options.trace = [&second](const std::string& line) { second.push_back(line); };
        const WorldReport again = run_world(options);
        CHECK(first == second);
        CHECK(once.references == again.references);
        CHECK(once.messages == again.messages);
        CHECK(once.events == again.events);
        CHECK(once.virtual_time == again.virtual_time);
        options.seed += 1000;
        CHECK(run_world(options).messages != once.messages);
    }
}

TEST_CASE("a world that does not end in time says so", "[world]") {
    WorldOptions options = world_of(3, Pace::free, 1000);
    options.horizon = 5s;
    const WorldReport report = run_world(options);
    CHECK_FALSE(report.finished);
    REQUIRE(report.violations.size() == 1);
    CHECK(report.violations[0].invariant == "progress");
}

TEST_CASE("peers whose models diverge go on from the reference, at whatever moment", "[world]") {
    for (const Pace pace : {Pace::lockstep, Pace::free}) {
        WorldOptions options = world_of(4, pace, 1'000'000);
        options.durable = true;
        options.averaging.check_every = 3;
        options.record_interval = 300ms;
        options.faults.mode = FaultMode::liveness;
        options.faults.length = 10s;
        auto schedule = parse_faults(
            "diverge@2s:0,diverge@3s#frozen:1,crash@3s#5:1+1s,diverge@5s#restarted:2,"
            "crash@5s#9:2+1s,diverge@7s#frozen:3",
            options.peers);
        REQUIRE(schedule);
        options.faults.schedule = std::move(*schedule);
        const WorldReport report = run_world(options);
        for (const Violation& violation : report.violations) {
            FAIL_CHECK(violation.invariant << ": " << violation.detail);
        }
        // A crash may be faster than the check.
        CHECK(report.event_counts.at("diverged") >= 3);
        CHECK(report.finished);
        CHECK(report.epochs > 10);
    }
}

}  // namespace dynavg::simulation
