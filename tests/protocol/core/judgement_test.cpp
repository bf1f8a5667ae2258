#include "protocol/core/judgement.hpp"

#include <limits>
#include <set>

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

/// Peer 0 judges; peers 1 and 2 are live and hold the reference, whose threshold is 5.
struct Bench {
    explicit Bench(MonitorKind monitor = MonitorKind::norm, Pace pace = Pace::free)
        : averaging(settings(monitor, pace)),
          reference(make_initial_reference({4, 0, false}, {0, 0, 0, 0}, 5, 1)),
          peers(peer(0)),
          pacer(peer(0), averaging, 3),
          judgement(peer(0), 1, averaging, 4) {
        for (const int number : {1, 2}) {
            PeerInfo info;
            info.member = peer(number);
            info.live = true;
            info.reference = reference->id;
            view.peers.push_back(info);
        }
        look();
    }

    static AveragingSettings settings(MonitorKind monitor, Pace pace) {
        AveragingSettings settings;
        settings.monitor = monitor;
        settings.pace = pace;
        settings.state_interval = 50ms;
        return settings;
    }
    void look() {
        peers.update(view);
        pacer.on_peers(peers.view(), reference->id);
    }
    void step(std::uint32_t step, float squared_norm) {
        trainer.steps = trainer.steps_since_reference = step;
        judgement.on_own_state(step, {squared_norm, {}}, now);
    }
    bool hear(int from, std::uint32_t step, float squared_norm) {
        return judgement.on_state(peer(from).id, {step, {squared_norm, {}}}, now);
    }
    [[nodiscard]] Situation at() const { return {*reference, trainer, peers, pacer, now, is_busy}; }
    Verdict judge() { return judgement.judge(at()); }

    AveragingSettings averaging;
    ReferencePointer reference;
    PeerTable peers;
    Pacer pacer;
    Judgement judgement;
    PeerView view;
    TrainerProgress trainer;
    Instant now{1h};
    bool is_busy = false;
};

}  // namespace

TEST_CASE("a bound above the threshold is a reason for a round, the threshold itself is none",
          "[judgement]") {
    Bench bench;
    bench.step(1, 5);
    REQUIRE(bench.hear(1, 1, 5));
    REQUIRE(bench.hear(2, 1, 5));
    CHECK_FALSE(bench.judge().reason);
    CHECK(bench.judgement.last_estimate()->bound == Approx(5));
    bench.step(2, 6);
    CHECK(bench.judge().reason == RoundReason::crossing);
    const Evidence evidence = bench.judgement.evidence(RoundReason::crossing, bench.at());
    CHECK(evidence.estimate == Approx(16.0 / 3));
    CHECK(evidence.threshold == 5);
    CHECK(evidence.states == 3);
    CHECK(evidence.step == StepIndex(2));
}

TEST_CASE("without a step since the reference nothing is judged", "[judgement]") {
    Bench bench;
    REQUIRE(bench.hear(1, 1, 100));
    CHECK_FALSE(bench.judge().reason);
    CHECK_FALSE(bench.judgement.last_estimate());
}

TEST_CASE("in lockstep a step is judged once, when all of its states are there", "[judgement]") {
    Bench bench(MonitorKind::norm, Pace::lockstep);
    bench.step(1, 100);
    CHECK(bench.judge().waits_for_states);
    REQUIRE(bench.hear(1, 1, 0));
    CHECK(bench.judge().waits_for_states);
    CHECK(bench.judgement.allowed_steps(bench.at()) == 1);
    SECTION("a missing state is asked for, at most once in a while") {
        CHECK(bench.judgement.requests_for_missing(bench.at()).empty());
        bench.now += limits::kStateRetryInterval;
        const auto asked = bench.judgement.requests_for_missing(bench.at());
        REQUIRE(asked.size() == 1);
        CHECK(asked[0].first == peer(2).id);
        CHECK(asked[0].second == StateRequest{1, false});
        CHECK(bench.judgement.requests_for_missing(bench.at()).empty());
        bench.now += limits::kStateRetryInterval;
        bench.is_busy = true;
        CHECK(bench.judgement.requests_for_missing(bench.at()).empty());
    }
    SECTION("the verdict comes once") {
        REQUIRE(bench.hear(2, 1, 0));
        const Verdict verdict = bench.judge();
        CHECK_FALSE(verdict.waits_for_states);
        CHECK(verdict.reason == RoundReason::crossing);
        CHECK_FALSE(bench.judge().reason);
        CHECK(bench.judgement.allowed_steps(bench.at()) == 2);
    }
}

TEST_CASE("a peer that has missed two rounds in a row counts for nothing, but now and then",
          "[judgement]") {
    Bench bench;
    bench.step(1, 1);
    REQUIRE(bench.hear(2, 1, 100));
    bench.judgement.on_commit(peers({0, 1, 2}), peers({0, 1}), bench.now);
    CHECK(bench.judge().reason == RoundReason::crossing);
    bench.judgement.on_commit(peers({0, 1, 2}), peers({0, 1}), bench.now);
    CHECK_FALSE(bench.judge().reason);
    bench.now += limits::kMissedRoundsRetryInterval;
    CHECK(bench.judge().reason == RoundReason::crossing);
}

TEST_CASE("a state is published once, and at most once per interval", "[judgement]") {
    Bench bench;
    bench.step(1, 1);
    const auto first = bench.judgement.take_state_to_publish(bench.now);
    REQUIRE(first);
    CHECK(*first == StateMessage{1, {1, {}}});
    CHECK_FALSE(bench.judgement.take_state_to_publish(bench.now));
    bench.now += 49ms;
    bench.step(2, 2);
    CHECK_FALSE(bench.judgement.take_state_to_publish(bench.now));
    CHECK(bench.judgement.next_tick(bench.at()) == bench.now + 1ms);
    bench.now += 1ms;
    CHECK(bench.judgement.take_state_to_publish(bench.now) == StateMessage{2, {2, {}}});
    CHECK(bench.judgement.next_tick(bench.at()) == kNever);
}

TEST_CASE("a state that is not finite is refused and changes nothing", "[judgement]") {
    Bench bench;
    bench.step(1, 1);
    CHECK_FALSE(bench.hear(1, 1, std::numeric_limits<float>::infinity()));
    CHECK_FALSE(bench.hear(1, 1, -1));
    CHECK_FALSE(bench.judge().reason);
    CHECK(bench.judgement.last_estimate()->states == 1);
}

TEST_CASE("a threshold that a person has set is a reason, until a reference has it",
          "[judgement]") {
    Bench bench;
    bench.step(1, 4);
    REQUIRE(bench.hear(1, 1, 4));
    REQUIRE(bench.hear(2, 1, 4));
    CHECK_FALSE(bench.judge().reason);
    CHECK_FALSE(bench.judgement.set_threshold(-1, 1000, *bench.reference));
    REQUIRE(bench.judgement.set_threshold(3, 1000, *bench.reference));
    CHECK(bench.judgement.setting_to_come() == ThresholdSetting{3, 1000});
    CHECK(bench.judge().reason == RoundReason::threshold_set);
    Reference next = *bench.reference;
    bench.judgement.on_reference(next);
    CHECK(bench.judgement.setting_to_come());
    next.threshold_set_at_ms = 1000;
    bench.judgement.on_reference(next);
    CHECK_FALSE(bench.judgement.setting_to_come());
    CHECK_FALSE(Bench(MonitorKind::every_step).judgement.set_threshold(3, 1000, next));
}

TEST_CASE("a violation asks for a balancing first, and its step is judged once that is reported",
          "[judgement]") {
    Bench bench(MonitorKind::local_balanced, Pace::lockstep);
    bench.step(1, 1);
    REQUIRE(bench.hear(1, 1, 9));
    REQUIRE(bench.hear(2, 1, 1));
    const Verdict verdict = bench.judge();
    CHECK_FALSE(verdict.reason);
    REQUIRE(verdict.balancing);
    CHECK(verdict.balancing->violators == std::set<PeerId>{peer(1).id});
    CHECK(bench.judgement.is_balancing());
    CHECK(bench.judgement.allowed_steps(bench.at()) == 1);
    BalancingOrder other = *verdict.balancing;
    ++other.step;
    CHECK_FALSE(bench.judgement.on_balanced(other, bench.trainer));
    CHECK(bench.judgement.on_balanced(*verdict.balancing, bench.trainer));
    CHECK_FALSE(bench.judgement.is_balancing());
    CHECK(bench.judgement.allowed_steps(bench.at()) == 2);
}

TEST_CASE("a last round is due once all are done and drift is left", "[judgement]") {
    Bench bench;
    bench.step(3, 1);
    bench.trainer.done = true;
    CHECK_FALSE(bench.judgement.final_round_is_due(bench.at()));
    for (PeerInfo& info : bench.view.peers) info.done = true;
    bench.look();
    CHECK(bench.judgement.final_round_is_due(bench.at()));
    CHECK_FALSE(bench.judgement.is_finished(bench.at()));
    bench.trainer.steps_since_reference = 0;
    CHECK_FALSE(bench.judgement.final_round_is_due(bench.at()));
    CHECK(bench.judgement.is_finished(bench.at()));
    bench.is_busy = true;
    CHECK_FALSE(bench.judgement.is_finished(bench.at()));
}

TEST_CASE("another reference makes all drifts unknown", "[judgement]") {
    Bench bench;
    bench.step(1, 100);
    REQUIRE(bench.judge().reason);
    bench.judgement.on_reference(*bench.reference);
    CHECK_FALSE(bench.judgement.last_estimate());
    CHECK_FALSE(bench.judgement.squared_drift());
    CHECK_FALSE(bench.judge().reason);
}

}  // namespace dynavg::protocol
