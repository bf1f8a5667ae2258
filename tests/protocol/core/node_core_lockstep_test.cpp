#include "tests/protocol/core/pair_and_trio.hpp"

namespace dynavg::protocol {

TEST_CASE("in lockstep a step waits for the states of all members", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    CHECK(driver.look().allowed_steps == 1);
    CHECK(driver.step(1, 1).allowed_steps == 1);
    CHECK(driver.hear_state(1, 1, 1).allowed_steps == 1);
    CHECK_FALSE(driver.core.last_estimate());
    CHECK(driver.hear_state(2, 1, 1).allowed_steps == 2);
    CHECK(driver.core.last_estimate()->states == 3);
}

TEST_CASE("in lockstep a round opens after the complete step, and training stops", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    driver.step(1, 100);
    driver.hear_state(1, 1, 0);
    CHECK_FALSE(driver.core.round());
    const Actions actions = driver.hear_state(2, 1, 0);
    CHECK(actions.freeze == Epoch(1));
    CHECK(actions.allowed_steps == 1);
}

TEST_CASE("in lockstep H is of the complete step, though others are one ahead", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    for (const int other : {1, 2}) {
        driver.hear_state(other, 1, 3);
        driver.hear_state(other, 2, 1000);
    }
    CHECK(driver.step(1, 3).allowed_steps == 2);
    CHECK(driver.core.last_estimate()->bound == Approx(3));
    CHECK(driver.step(2, 1000).freeze == Epoch(1));
}

TEST_CASE("in lockstep with check_every only the checked steps wait", "[node_core]") {
    CoreDriver driver = lockstep_trio(3);
    CHECK(driver.look().allowed_steps == 3);
    StepReport unchecked;
    unchecked.reference = driver.initial->id;
    unchecked.steps = unchecked.steps_since_reference = 2;
    driver.core.on_step(unchecked, driver.now);
    CHECK(driver.look().allowed_steps == 3);
    CHECK(driver.step(3, 1).allowed_steps == 3);
    driver.hear_state(1, 3, 1);
    CHECK(driver.hear_state(2, 3, 1).allowed_steps == 6);
}

TEST_CASE("in lockstep a peer asks for a state that it lacks", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    CHECK(driver.step(1, 1).next_tick == driver.now + limits::kStateRetryInterval);
    driver.hear_state(1, 1, 1);
    driver.now += limits::kStateRetryInterval - 1us;
    CHECK(driver.tick().send.empty());
    driver.now += 1us;
    const Actions asks = driver.tick();
    CHECK(sent<StateRequest>(asks, 2) == StateRequest{1});
    CHECK_FALSE(sent<StateRequest>(asks, 1));
    // Not again at once, and no more once it is there.
    CHECK(driver.tick().send.empty());
    driver.hear_state(2, 1, 1);
    driver.now += 10 * limits::kStateRetryInterval;
    CHECK(driver.tick().send.empty());
}

TEST_CASE("a state that is asked for is answered, if it is still known", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    driver.step(1, 2);
    CHECK(sent<StateMessage>(driver.hear(1, StateRequest{1}), 1) == StateMessage{1, {2, {}}});
    CHECK(driver.hear(1, StateRequest{9}).send.empty());
    CHECK(driver.hear_at({Epoch(0), {7, 7}}, peer(1), StateRequest{1}).send.empty());
    // Behind a cut it has gone on alone: nobody is to wait for what it has dropped.
    for (const std::uint32_t step : {20U, 40U, 60U}) driver.step(step, 4);
    CHECK(sent<StateMessage>(driver.hear(1, StateRequest{9}), 1)->step == 60);
    CHECK(driver.hear(1, StateRequest{61}).send.empty());
}

TEST_CASE("in lockstep a lost member is not waited for", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    driver.step(1, 1);
    driver.hear_state(1, 1, 1);
    driver.info(2).live = false;
    CHECK(driver.look().allowed_steps == 2);
}

TEST_CASE("in lockstep a member that is done counts with its latest state", "[node_core]") {
    CoreDriver driver = lockstep_trio();
    driver.step(1, 1);
    driver.hear_state(1, 1, 1);
    driver.hear_state(2, 1, 4);
    driver.info(2).done = true;
    driver.info(2).steps_since_reference = 1;
    driver.look();
    driver.step(2, 1);
    CHECK(driver.hear_state(1, 2, 1).allowed_steps == 3);
    CHECK(driver.core.last_estimate()->bound == Approx(2));
}

TEST_CASE("in lockstep a joiner waits for the next reference", "[node_core]") {
    CoreDriver driver({.self = 5,
                       .averaging = norm_settings(Pace::lockstep),
                       .others = peers({1, 2}),
                       .start_peers = 2});
    // Nothing is known of the others before their first heartbeats.
    for (PeerInfo& other : driver.view.peers) other.reference = {};
    CoreDriver late(
        {.self = 5, .averaging = norm_settings(Pace::lockstep), .others = {}, .start_peers = 2});
    late.view = driver.view;
    CHECK(late.look().allowed_steps == 0);
    for (PeerInfo& other : late.view.peers) {
        other.reference = late.initial->id;
        other.steps_since_reference = 40;
        other.position = LockstepPosition::in_step;
    }
    CHECK(late.look().allowed_steps == 0);
    CHECK(late.core.has_started());
    CHECK_FALSE(late.core.round());
    // Hearing of a round, it takes part, and then steps with the others.
    RoundState call = late.call_of(peers({1, 2}));
    CHECK(late.hear(1, call).freeze == Epoch(1));
    CHECK(late.core.round()->members() == peers({1, 2, 5}));
    const Actions agreed = late.agree();
    REQUIRE(agreed.start_exchange);
    const ReferencePointer value = late.next_value();
    late.exchange_done(*agreed.start_exchange, value);
    const Roster members = late.core.round()->members();
    for (const int other : {1, 2}) {
        if (!late.core.round()) break;
        late.hear(other,
                  late.agreeing(Prepared{late.core.round()->ballot(), value->id.digest, members}));
    }
    CHECK(late.core.reference()->id == value->id);
    CHECK(late.installed().allowed_steps == 1);
}

// --- the end ----------------------------------------------------------------------------------

}  // namespace dynavg::protocol
