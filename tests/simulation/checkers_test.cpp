#include "simulation/checkers.hpp"

#include <algorithm>
#include <limits>

#include "tests/catch.hpp"
#include "tests/simulation/small_world.hpp"

// Bugs are planted to see that the checkers find them: in what peers are said to do, or in what is
// passed on of what they do.

namespace dynavg::simulation {

using namespace std::chrono_literals;
using protocol::Epoch;
using protocol::Event;
using protocol::Level;
using protocol::Pace;

namespace {

/// Passes on what it sees; a test plants its bug by passing on something else.
class Forwarder : public Observer {
public:
    explicit Forwarder(Checkers& target) : checkers(target) {}
    void on_started(const Peer& peer) override { checkers.on_started(peer); }
    void on_crashed(const Peer& peer) override { checkers.on_crashed(peer); }
    void on_event(const Peer& peer, const Event& event) override { checkers.on_event(peer, event); }
    void on_published(const Peer& peer, const protocol::Message& message) override {
        checkers.on_published(peer, message);
    }
    void on_install(const Peer& peer, const protocol::Install& install) override {
        checkers.on_install(peer, install);
    }
    void on_exchange_done(const Peer& peer, const protocol::ExchangeResult& result) override {
        checkers.on_exchange_done(peer, result);
    }
    void on_frozen(const Peer& peer, const protocol::Contribution& contribution) override {
        checkers.on_frozen(peer, contribution);
    }
    void on_writing(const Peer& peer, const peer::Write& write) override {
        checkers.on_writing(peer, write);
    }
    void on_written(const Peer& peer, const peer::Write& write) override {
        checkers.on_written(peer, write);
    }
    void on_step(const Peer& peer, double loss) override { checkers.on_step(peer, loss); }
    void on_settled(const Peer& peer) override { checkers.on_settled(peer); }
    Checkers& checkers;
};

/// Two peers that have started and hear nothing of each other yet, and their checkers.
struct Stage {
    explicit Stage(Pace pace = Pace::free)
        : averaging(toy_settings(pace, 20)),
          world({.peers = 2, .averaging = averaging}),
          checkers(world.events, 2, averaging, world.initial) {
        world.start(checkers);
        REQUIRE(world.run_until([this] { return world.peers[0]->is_up() && peer(1).is_up(); }));
    }
    [[nodiscard]] const Peer& peer(std::size_t index) const { return *world.peers[index]; }
    [[nodiscard]] protocol::Install install(std::uint32_t epoch, float value) const {
        return {make_next_reference(*world.initial, Epoch(epoch), {value, value}), {}};
    }
    [[nodiscard]] std::vector<std::string> broken() const {
        std::vector<std::string> names;
        for (const Violation& violation : checkers.violations()) {
            names.push_back(violation.invariant);
        }
        return names;
    }

    protocol::AveragingSettings averaging;
    SmallWorld world;
    Checkers checkers;
};

using Names = std::vector<std::string>;

protocol::RoundState prepared_state(std::uint32_t target, protocol::Ballot ballot,
                                    protocol::Digest digest) {
    protocol::RoundState state;
    state.target = Epoch(target);
    state.attempt = ballot.attempt;
    state.prepared = protocol::Prepared{ballot, digest, {}};
    return state;
}

Event round_event(const std::string& reason, double estimate, double threshold,
                  std::string_view name = "round_committed") {
    Event event(name, Level::info, "a round");
    event.with("reason", reason).with("estimate", estimate).with("threshold", threshold);
    return event;
}

/// Runs three peers to their end with a planted bug between them and their checkers.
template <class Bug>
Names broken_with(Pace pace = Pace::free) {
    const protocol::AveragingSettings averaging = toy_settings(pace, 20);
    SmallWorld world({.averaging = averaging});
    Checkers checkers(world.events, 3, averaging, world.initial);
    Bug bug(checkers);
    world.start(bug);
    const bool finished = world.run_to_the_end();
    checkers.on_end(world.all());
    checkers.on_finish(world.all(), finished);
    CHECK(finished);
    CHECK(checkers.epochs() > 2);
    Names names;
    for (const Violation& violation : checkers.violations()) {
        if (names.empty() || names.back() != violation.invariant) {
            names.push_back(violation.invariant);
        }
    }
    return names;
}

}  // namespace

TEST_CASE("checkers find nothing in a network without a bug", "[checkers]") {
    CHECK(broken_with<Forwarder>(Pace::free).empty());
    CHECK(broken_with<Forwarder>(Pace::lockstep).empty());
}

TEST_CASE("two references for one epoch are found", "[checkers]") {
    Stage stage;
    stage.checkers.on_install(stage.peer(0), stage.install(1, 3));
    stage.checkers.on_install(stage.peer(1), stage.install(1, 3));
    CHECK(stage.broken().empty());
    stage.checkers.on_install(stage.peer(1), stage.install(1, 4));
    CHECK(stage.broken() == Names{"agreement"});
}

TEST_CASE("other bits under an equal id are found", "[checkers]") {
    Stage stage;
    const protocol::Install install = stage.install(1, 3);
    stage.checkers.on_install(stage.peer(0), install);
    auto forged = std::make_shared<protocol::Reference>(*install.reference);
    forged->values[1] += 1;
    stage.checkers.on_install(stage.peer(1), {forged, {}});
    CHECK(stage.broken() == Names{"agreement"});
}

TEST_CASE("a second value in a ballot is found, whoever prepared it", "[checkers]") {
    const protocol::Ballot ballot{protocol::Attempt(1), 5};
    const auto broken_by = [&](std::size_t peer, const protocol::RoundState& second) {
        Stage stage;
        stage.checkers.on_published(stage.peer(0), prepared_state(3, ballot, {1, 1}));
        stage.checkers.on_published(stage.peer(peer), second);
        return stage.broken();
    };
    CHECK(broken_by(0, prepared_state(3, ballot, {2, 2})) == Names{"one value per ballot"});
    CHECK(broken_by(1, prepared_state(3, ballot, {2, 2})) == Names{"one value per ballot"});
    CHECK(broken_by(1, prepared_state(3, ballot, {1, 1})).empty());
    CHECK(broken_by(1, prepared_state(4, ballot, {2, 2})).empty());
    CHECK(broken_by(1, prepared_state(3, {protocol::Attempt(1), 6}, {2, 2})).empty());
    CHECK(broken_by(1, prepared_state(3, {protocol::Attempt(2), 5}, {2, 2})).empty());
}

TEST_CASE("a write on top of a reference that is not on disk is found", "[checkers]") {
    Stage stage;
    stage.checkers.on_writing(stage.peer(0), protocol::Promise());
    CHECK(stage.broken().empty());
    const protocol::ReferencePointer next = stage.install(1, 3).reference;
    stage.checkers.on_writing(stage.peer(0), peer::Commit{next, {}});
    stage.checkers.on_written(stage.peer(0), peer::Commit{next, {}});
    CHECK(stage.broken().empty());
    // The reference on disk is not the one that this peer stands on.
    stage.checkers.on_writing(stage.peer(0), protocol::Promise());
    CHECK(stage.broken() == Names{"durable order"});
}

TEST_CASE("a prepared value that is written after its epoch is over is found", "[checkers]") {
    const auto broken_by = [](std::uint32_t epoch) {
        Stage stage;
        const protocol::ReferencePointer value =
            epoch == 0 ? stage.world.initial : stage.install(epoch, 3).reference;
        stage.checkers.on_writing(stage.peer(0), protocol::PreparedRecord{{}, value});
        return stage.broken();
    };
    CHECK(broken_by(1).empty());
    CHECK(broken_by(0) == Names{"durable order"});
}

TEST_CASE("a model that is not finite and is given to a round is found", "[checkers]") {
    Stage stage;
    protocol::Contribution contribution;
    contribution.target = Epoch(1);
    contribution.values = {0, 0};
    stage.checkers.on_frozen(stage.peer(0), contribution);
    CHECK(stage.broken().empty());
    stage.world.peers[0]->diverge();
    stage.checkers.on_frozen(stage.peer(0), contribution);
    CHECK(stage.broken() == Names{"finite"});
}

TEST_CASE("a round without a reason is found", "[checkers]") {
    const auto broken_by = [](const Event& event) {
        Stage stage;
        stage.checkers.on_event(stage.peer(0), event);
        return stage.broken();
    };
    CHECK(broken_by(round_event("crossing", 21, 20)).empty());
    CHECK(broken_by(round_event("final", 3, 20)).empty());
    CHECK(broken_by(round_event("crossing", 20, 20)) == Names{"justified"});
    CHECK(broken_by(round_event("crossing", 3, 20, "crossing")) == Names{"justified"});
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK(broken_by(round_event("crossing", nan, 20)) == Names{"justified"});
    CHECK(broken_by(Event("round_committed", Level::info, "no evidence")) == Names{"justified"});
}

TEST_CASE("an error event is found", "[checkers]") {
    Stage stage;
    stage.checkers.on_event(stage.peer(0), Event("evaluated", Level::warning, "not an error"));
    CHECK(stage.broken().empty());
    stage.checkers.on_event(stage.peer(0), Event("failed", Level::error, "broken"));
    CHECK(stage.broken() == Names{"no error event"});
}

TEST_CASE("a step that is missing in a reference is found", "[checkers]") {
    struct LosesAStep final : Forwarder {
        using Forwarder::Forwarder;
        void on_install(const Peer& peer, const protocol::Install& install) override {
            auto reference = std::make_shared<protocol::Reference>(*install.reference);
            if (reference->epoch == Epoch(2)) reference->values[1] -= 1.0F / 3;
            Forwarder::on_install(peer, {reference, install.spent});
        }
    };
    CHECK(broken_with<LosesAStep>() == Names{"exactly once"});
}

TEST_CASE("a contribution that counts twice is found", "[checkers]") {
    struct CountsTwice final : Forwarder {
        using Forwarder::Forwarder;
        void on_exchange_done(const Peer& peer, const protocol::ExchangeResult& result) override {
            protocol::ExchangeResult twice = result;
            twice.certificate.facts.push_back(twice.certificate.facts.front());
            Forwarder::on_exchange_done(peer, twice);
        }
    };
    CHECK(broken_with<CountsTwice>() == Names{"exactly once"});
}

TEST_CASE("training on above the threshold is found in lockstep", "[checkers]") {
    // The peers hold a threshold four times that of the checkers.
    for (const double watched : {20.0, 5.0}) {
        CAPTURE(watched);
        SmallWorld world({.averaging = toy_settings(Pace::lockstep, 20)});
        Checkers checkers(world.events, 3, toy_settings(Pace::lockstep, watched), world.initial);
        world.start(checkers);
        REQUIRE(world.run_to_the_end());
        const bool found = !checkers.violations().empty();
        CHECK(found == (watched < 20));
        if (found) CHECK(checkers.violations()[0].invariant == "bounded variance");
    }
}

TEST_CASE("a round that takes too long is found", "[checkers]") {
    const protocol::AveragingSettings averaging = toy_settings(Pace::free, 20);
    SmallWorld world({.averaging = averaging});
    Observer nobody;
    world.start(nobody);
    REQUIRE(world.run_until(
        [&world] { return world.peers[0]->is_up() && world.peers[0]->core().round(); }));
    const auto broken_after = [&](protocol::Duration time) {
        EventQueue clock;
        Checkers checkers(clock, 3, averaging, world.initial);
        checkers.on_settled(*world.peers[0]);
        clock.after(time, [] {});
        clock.run_next();
        checkers.on_settled(*world.peers[0]);
        // It has not seen the steps, either.
        return std::any_of(checkers.violations().begin(), checkers.violations().end(),
                           [](const auto& found) { return found.invariant == "progress"; });
    };
    CHECK_FALSE(broken_after(1min));
    CHECK(broken_after(3min));
}

TEST_CASE("peers that do not end, or end apart, are found", "[checkers]") {
    Stage stage;
    stage.checkers.on_finish(stage.world.all(), true);
    CHECK(stage.broken().empty());
    stage.checkers.on_finish(stage.world.all(), false);
    CHECK(stage.broken() == Names{"progress"});
}

TEST_CASE("ends with two references are found", "[checkers]") {
    const protocol::AveragingSettings averaging = toy_settings(Pace::free, 20);
    SmallWorld world({.averaging = averaging});
    Checkers checkers(world.events, 3, averaging, world.initial);
    world.start(checkers);
    // One has installed, the others are about to.
    REQUIRE(world.run_until([&world] {
        return std::any_of(world.peers.begin(), world.peers.end(), [](const auto& peer) {
            return peer->is_up() && peer->installed()->epoch == Epoch(1);
        });
    }));
    checkers.on_finish(world.all(), true);
    REQUIRE_FALSE(checkers.violations().empty());
    CHECK(checkers.violations()[0].invariant == "progress");
}

TEST_CASE("a flood of violations is cut", "[checkers]") {
    Stage stage;
    for (int i = 0; i < 1000; ++i) {
        stage.checkers.on_event(stage.peer(0), Event("failed", Level::error, "broken"));
    }
    CHECK(stage.broken().size() == 20);
}

}  // namespace dynavg::simulation
