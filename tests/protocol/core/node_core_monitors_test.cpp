#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// Each monitor's states, and its condition for a round.

namespace dynavg::protocol {

namespace {

AveragingSettings cascade_settings(Pace pace) {
    AveragingSettings settings = norm_settings(pace);
    settings.monitor = MonitorKind::cascade;
    settings.sketch = {1, 4};
    return settings;
}

/// Two peers in lockstep.
CoreDriverOptions paired(AveragingSettings settings) {
    return {.averaging = settings, .others = peers({1}), .start_peers = 2};
}

CoreDriverOptions balanced_options() {
    AveragingSettings settings = norm_settings(Pace::lockstep);
    settings.monitor = MonitorKind::local_balanced;
    return {.averaging = settings, .others = peers({1, 2}), .start_peers = 3};
}

const std::vector<float> kBrief{0};
const std::vector<float> kWhole{0, 3, 0, 0, 0};

}  // namespace

TEST_CASE("every-step calls a round after each step", "[node_core_monitors]") {
    AveragingSettings settings = norm_settings();
    settings.monitor = MonitorKind::every_step;
    CoreDriver driver({.averaging = settings, .others = peers({1})});
    const Actions actions = driver.step(1, 0);
    REQUIRE(published<RoundState>(actions));
    CHECK(published<RoundState>(actions)->evidence.reason == RoundReason::every_step);
}

TEST_CASE("local: a peer's own drift calls the round, and no state is told",
          "[node_core_monitors]") {
    AveragingSettings settings = norm_settings();
    settings.monitor = MonitorKind::local;
    CoreDriver driver({.averaging = settings, .others = peers({1})});
    const Actions below = driver.step(1, 4);
    CHECK_FALSE(published<StateMessage>(below));
    CHECK_FALSE(driver.core.round());
    // The states of others, if they tell any, are not this peer's to judge.
    driver.hear_state(1, 1, 100);
    CHECK_FALSE(driver.core.round());
    const auto call = published<RoundState>(driver.step(2, 6));
    REQUIRE(call);
    CHECK(call->evidence == Evidence{RoundReason::violation, 6, 5, 1, 0, StepIndex(2)});
}

TEST_CASE("local in lockstep: the largest drift of a complete step calls the round",
          "[node_core_monitors]") {
    AveragingSettings settings = norm_settings(Pace::lockstep);
    settings.monitor = MonitorKind::local;
    CoreDriver driver(paired(settings));
    CHECK(published<StateMessage>(driver.step(1, 4)));
    CHECK(driver.hear_state(1, 1, 5).allowed_steps == 2);
    driver.step(2, 4);
    CHECK_FALSE(driver.core.round());
    driver.hear_state(1, 2, 5.5F);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::violation);
}

TEST_CASE("local-balanced: a violation is balanced first, once, while training waits",
          "[node_core_monitors]") {
    CoreDriver driver(balanced_options());
    driver.step(1, 4);
    driver.hear_state(1, 1, 5);
    CHECK(driver.hear_state(2, 1, 0).allowed_steps == 2);
    driver.step(2, 6);
    driver.hear_state(1, 2, 2);
    const Actions above = driver.hear_state(2, 2, 7);
    const BalancingOrder order{driver.initial->id, 2, {driver.self.id, peer(2).id}};
    CHECK(above.balance == order);
    CHECK(above.allowed_steps == 2);
    CHECK_FALSE(driver.core.round());
    for (const Actions& again : {driver.tick(), driver.look(), driver.hear_state(2, 2, 7)}) {
        CHECK_FALSE(again.balance);
        CHECK(again.allowed_steps == 2);
    }
    // An answer to another question.
    driver.core.on_balanced({driver.initial->id, 1, order.violators}, BalancingOutcome::for_all,
                            driver.now);
    CHECK(driver.core.take_actions(driver.now).allowed_steps == 2);

    driver.core.on_balanced(order, BalancingOutcome::balanced, driver.now);
    const Actions balanced = driver.core.take_actions(driver.now);
    CHECK(balanced.allowed_steps == 3);
    CHECK_FALSE(balanced.balance);
    CHECK_FALSE(driver.core.round());
    // A peer that judges that step later must find the same as this one.
    CHECK(sent<StateMessage>(driver.hear(1, StateRequest{2, false}), 1) ==
          StateMessage{2, {6, {}}});
    driver.step(3, 1);
    driver.hear_state(1, 3, 1);
    CHECK(driver.hear_state(2, 3, 5).allowed_steps == 4);
}

TEST_CASE("local-balanced: a violation that can't be balanced among few peers calls a round",
          "[node_core_monitors]") {
    CoreDriver driver(balanced_options());
    driver.step(1, 6);
    driver.hear_state(1, 1, 6);
    const auto order = driver.hear_state(2, 1, 6).balance;
    REQUIRE(order);
    driver.core.on_balanced(*order, BalancingOutcome::for_all, driver.now);
    const auto call = published<RoundState>(driver.core.take_actions(driver.now));
    REQUIRE(call);
    CHECK(call->evidence == Evidence{RoundReason::violation, 6, 5, 3, 0, StepIndex(1)});
}

TEST_CASE("local-balanced: a round that is heard of while a balancing is ordered goes on",
          "[node_core_monitors]") {
    CoreDriver driver(balanced_options());
    driver.step(1, 6);
    driver.hear_state(1, 1, 6);
    const auto order = driver.hear_state(2, 1, 6).balance;
    REQUIRE(order);
    const Actions joined = driver.hear(1, driver.call_of(peers({0, 1, 2})));
    CHECK(joined.freeze == Epoch(1));
    driver.core.on_balanced(*order, BalancingOutcome::for_all, driver.now);
    const Actions answered = driver.core.take_actions(driver.now);
    CHECK_FALSE(published<RoundState>(answered));
    CHECK_FALSE(answered.freeze);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::crossing);
}

TEST_CASE("local-balanced: the last step is balanced before the final round",
          "[node_core_monitors]") {
    CoreDriver driver(balanced_options());
    driver.done = true;
    for (const int number : {1, 2}) {
        driver.info(number).done = true;
        driver.info(number).steps_since_reference = 1;
    }
    driver.look();
    driver.step(1, 6);
    driver.hear_state(1, 1, 1);
    const auto order = driver.hear_state(2, 1, 1).balance;
    REQUIRE(order);
    CHECK_FALSE(driver.core.round());
    driver.core.on_balanced(*order, BalancingOutcome::balanced, driver.now);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::final);
}

TEST_CASE("interval calls a round after so many steps", "[node_core_monitors]") {
    AveragingSettings settings = norm_settings();
    settings.monitor = MonitorKind::interval;
    settings.interval = 3;
    CoreDriver driver({.averaging = settings, .others = peers({1})});
    driver.step(1, 100);
    CHECK_FALSE(published<StateMessage>(driver.step(2, 100)));
    CHECK_FALSE(driver.core.round());
    const auto call = published<RoundState>(driver.step(3, 100));
    REQUIRE(call);
    CHECK(call->evidence.reason == RoundReason::interval);
}

TEST_CASE("interval in lockstep waits for the others at the round only", "[node_core_monitors]") {
    AveragingSettings settings = norm_settings(Pace::lockstep);
    settings.monitor = MonitorKind::interval;
    settings.interval = 3;
    CoreDriver driver(paired(settings));
    CHECK(driver.tick().allowed_steps == 3);
    driver.step(3, 0);
    CHECK_FALSE(driver.core.round());
    driver.hear_state(1, 3, 0);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::interval);
}

TEST_CASE("cascade in lockstep: sketches of a step are told once the linear bound is too high",
          "[node_core_monitors]") {
    CoreDriver driver(paired(cascade_settings(Pace::lockstep)));
    const auto calm = published<StateMessage>(driver.step(1, 4, kWhole));
    REQUIRE(calm);
    CHECK(calm->state.values == kBrief);
    CHECK(driver.hear_state(1, 1, 4, kBrief).allowed_steps == 2);
    CHECK(driver.core.sketches_told() == 0);
    // The linear bound is 9: this peer tells its sketch, and waits for the other's.
    driver.step(2, 9, kWhole);
    const Actions told = driver.hear_state(1, 2, 9, kBrief);
    REQUIRE(published<StateMessage>(told));
    CHECK(published<StateMessage>(told)->state.values == kWhole);
    CHECK(told.allowed_steps == 2);
    CHECK_FALSE(driver.core.round());
    driver.now += 1s;
    CHECK(sent<StateRequest>(driver.tick(), 1) == StateRequest{2, true});
    // 9 - 9 / 1.5: no round.
    CHECK(driver.hear_state(1, 2, 9, kWhole).allowed_steps == 3);
    CHECK(driver.core.last_estimate()->bound == Approx(3));
    // Drifts that do not agree cross.
    driver.step(3, 9, kWhole);
    driver.hear_state(1, 3, 9, kBrief);
    CHECK_FALSE(driver.core.round());
    driver.hear_state(1, 3, 9, {0, -3, 0, 0, 0});
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().estimate == Approx(9));
    CHECK(driver.core.sketches_told() == 2);
}

TEST_CASE("cascade: a peer that is done tells its sketch when it is asked",
          "[node_core_monitors]") {
    CoreDriver driver(paired(cascade_settings(Pace::lockstep)));
    driver.done = true;
    driver.step(1, 1, kWhole);
    const auto answer = sent<StateMessage>(driver.hear(1, StateRequest{7, true}), 1);
    CHECK(answer == StateMessage{1, {1, kWhole}});
    CHECK_FALSE(sent<StateMessage>(driver.hear(1, StateRequest{7, false}), 1));
}

TEST_CASE("cascade in free pace: sketches are asked for, and answered in kind",
          "[node_core_monitors]") {
    CoreDriver driver({.averaging = cascade_settings(Pace::free), .others = peers({1})});
    driver.now += 10s;
    driver.step(1, 4, kWhole);
    driver.hear_state(1, 1, 4, kBrief);
    const Actions above = driver.step(2, 9, kWhole);
    CHECK(published<StateMessage>(above)->state.values == kWhole);
    CHECK(sent<StateRequest>(above, 1) == StateRequest{0, true});
    CHECK_FALSE(driver.core.round());
    driver.hear_state(1, 2, 9, kWhole);
    CHECK_FALSE(driver.core.round());
    // It goes on in kind for a while.
    CHECK(published<StateMessage>(driver.step(3, 4, kWhole))->state.values == kWhole);
    driver.now += 2s;
    CHECK(published<StateMessage>(driver.step(4, 1, kWhole))->state.values == kBrief);
    // A peer that hears a sketch tells its own.
    driver.hear_state(1, 3, 1, kWhole);
    CHECK(published<StateMessage>(driver.step(5, 1, kWhole))->state.values == kWhole);
}

TEST_CASE("cascade in free pace: where a sketch does not come, the linear bound decides",
          "[node_core_monitors]") {
    CoreDriver driver({.averaging = cascade_settings(Pace::free), .others = peers({1})});
    driver.now += 10s;
    driver.hear_state(1, 1, 9, kBrief);
    const Actions waits = driver.step(1, 9, kWhole);
    CHECK_FALSE(driver.core.round());
    CHECK(waits.next_tick <= driver.now + limits::kSketchPatience);
    driver.now += limits::kSketchPatience;
    const Actions decides = driver.tick();
    // Nothing is left to wait for in this moment.
    CHECK(decides.next_tick > driver.now);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().estimate == Approx(9));
}

TEST_CASE("the variance counts each peer by its weight", "[node_core_monitors]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1}), .weight = 3});
    Heartbeat heartbeat;
    driver.core.describe(heartbeat);
    CHECK(heartbeat.weight == 3);
    driver.step(1, 1);
    driver.hear_state(1, 1, 9);
    CHECK(driver.core.last_estimate()->bound == Approx(3));
    driver.info(1).weight = 5;
    driver.look();
    CHECK(driver.core.last_estimate()->bound == Approx((3 + 45) / 8.0));
    CHECK(driver.core.round());
}

TEST_CASE("a threshold that is far too high is corrected by a round that is overdue",
          "[node_core_monitors]") {
    AveragingSettings settings = norm_settings();
    settings.threshold_rule = {ThresholdKind::interval, 10};
    CoreDriver driver({.averaging = settings, .others = peers({1})});
    driver.step(19, 0.1F);
    CHECK_FALSE(driver.core.round());
    const auto call = published<RoundState>(driver.step(20, 0.1F));
    REQUIRE(call);
    CHECK(call->evidence.reason == RoundReason::overdue);
}

}  // namespace dynavg::protocol
