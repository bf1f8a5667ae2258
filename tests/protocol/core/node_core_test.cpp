#include "tests/protocol/core/pair_and_trio.hpp"

namespace dynavg::protocol {

TEST_CASE("below the threshold a step is told and nothing else happens", "[node_core]") {
    CoreDriver driver = free_pair();
    const Actions actions = driver.step(1, 4);
    CHECK(published<StateMessage>(actions) == StateMessage{1, {4, {}}});
    CHECK(actions.allowed_steps == kNoBound);
    CHECK(actions.events.empty());
    CHECK_FALSE(actions.freeze);
    CHECK_FALSE(driver.core.round());
    // The other has not been heard: it counts with zero drift.
    CHECK(driver.core.last_estimate()->bound == Approx(2));
}

TEST_CASE("H equal to the threshold is no crossing", "[node_core]") {
    CoreDriver driver = free_pair();
    CHECK_FALSE(driver.step(1, 10).freeze);
    CHECK(driver.step(2, 10.001F).freeze == Epoch(1));
}

TEST_CASE("a crossing freezes, and calls a round with its evidence", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.hear_state(1, 1, 8);
    driver.now += 30ms;
    const Actions actions = driver.step(1, 4);
    CHECK(actions.freeze == Epoch(1));
    CHECK_FALSE(actions.start_exchange);
    const Event* crossing = find_event(actions, "crossing");
    REQUIRE(crossing != nullptr);
    CHECK(std::get<std::string>(*crossing->find("reason")) == "crossing");
    CHECK(std::get<double>(*crossing->find("estimate")) == Approx(6));
    CHECK(std::get<double>(*crossing->find("threshold")) == Approx(5));
    const auto call = published<RoundState>(actions);
    REQUIRE(call);
    CHECK(call->target == Epoch(1));
    CHECK(call->attempt == Attempt(0));
    CHECK(call->reference == driver.initial->id);
    CHECK(call->sets.candidates == peers({0, 1}));
    CHECK(call->evidence == Evidence{RoundReason::crossing, 6, 5, 2, 30, StepIndex(1)});
    CHECK_FALSE(call->prepared);
}

TEST_CASE("a state of another peer may be the one that crosses", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.step(1, 4);
    CHECK_FALSE(driver.core.round());
    CHECK(driver.hear_state(1, 1, 8).freeze == Epoch(1));
}

TEST_CASE("a state that is not valid is refused, and told of", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.step(1, 4);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    for (const LocalState& bad :
         {LocalState{nan, {}}, LocalState{infinity, {}}, LocalState{-1, {}}, LocalState{1, {1}}}) {
        const Actions actions = driver.hear(1, StateMessage{1, bad});
        const Event* refused = find_event(actions, "state_refused");
        REQUIRE(refused != nullptr);
        CHECK(std::get<std::string>(*refused->find("peer")) == peer(1).id.fingerprint());
        CHECK_FALSE(driver.core.round());
        CHECK(driver.core.last_estimate()->bound == Approx(2));
    }
}

TEST_CASE("a state under another reference is never counted", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.step(1, 4);
    const StateMessage state{1, {1000, {}}};
    driver.hear_at({Epoch(0), {7, 7}}, peer(1), state);
    driver.hear_at({Epoch(1), {7, 7}}, peer(1), state);
    driver.hear_at({Epoch(5), {7, 7}}, peer(1), state);
    driver.step(2, 4);
    CHECK(driver.core.last_estimate()->bound == Approx(2));
    CHECK_FALSE(driver.core.round());
}

TEST_CASE("in free pace states are told at most once per interval, the latest", "[node_core]") {
    AveragingSettings settings = norm_settings();
    settings.state_interval = 50ms;
    CoreDriver driver({.averaging = settings, .others = peers({1})});
    CHECK(published<StateMessage>(driver.step(1, 1)));
    driver.now += 20ms;
    CHECK_FALSE(published<StateMessage>(driver.step(2, 2)));
    const Actions waiting = driver.step(3, 3);
    CHECK_FALSE(published<StateMessage>(waiting));
    CHECK(waiting.next_tick == driver.now + 30ms);
    driver.now += 30ms;
    CHECK(published<StateMessage>(driver.tick()) == StateMessage{3, {3, {}}});
    CHECK_FALSE(published<StateMessage>(driver.tick()));
}

TEST_CASE("below min_peers no peer calls a round", "[node_core]") {
    AveragingSettings settings = norm_settings();
    settings.min_peers = 3;
    CoreDriver driver({.averaging = settings, .others = peers({1, 2})});
    driver.info(2).live = false;
    driver.look();
    CHECK_FALSE(driver.core.may_call());
    CHECK_FALSE(driver.step(1, 100).freeze);
    driver.info(2).live = true;
    const Actions actions = driver.look();
    CHECK(actions.freeze == Epoch(1));
    CHECK(driver.core.round());
}

TEST_CASE("a peer that is alone calls no round, whatever min_peers says", "[node_core]") {
    AveragingSettings settings = norm_settings();
    settings.min_peers = 1;
    CoreDriver driver({.averaging = settings});
    CHECK_FALSE(driver.step(1, 100).freeze);
}

TEST_CASE("before the first round most of those that start together must be there", "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2, 3}), .start_peers = 4});
    driver.info(2).live = driver.info(3).live = false;
    driver.look();
    CHECK_FALSE(driver.step(1, 100).freeze);
    driver.info(2).live = true;
    CHECK(driver.look().freeze);
}

TEST_CASE("without a quorum of the last roster no peer calls, and training goes on",
          "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2, 3, 4})});
    driver.commit_a_round();
    REQUIRE(driver.core.roster() == peers({0, 1, 2, 3, 4}));
    for (const int lost : {2, 3, 4}) driver.info(lost).live = false;
    driver.look();
    const Actions actions = driver.step(1, 100);
    CHECK_FALSE(actions.freeze);
    CHECK(actions.allowed_steps == kNoBound);
    // A newcomer has no vote.
    driver.view.peers.push_back(driver.info_of(peer(9)));
    driver.info(9).reference = driver.core.reference()->id;
    CHECK_FALSE(driver.look().freeze);
    driver.info(4).live = true;
    CHECK(driver.look().freeze == Epoch(2));
}

TEST_CASE("with quorum = none a minority calls", "[node_core]") {
    AveragingSettings settings = norm_settings();
    settings.quorum = QuorumRule::none;
    CoreDriver driver({.averaging = settings, .others = peers({1, 2, 3, 4})});
    driver.commit_a_round();
    for (const int lost : {2, 3, 4}) driver.info(lost).live = false;
    driver.look();
    CHECK(driver.step(1, 100).freeze == Epoch(2));
}

TEST_CASE("training waits for start_peers", "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1}), .start_peers = 3});
    CHECK(driver.look().allowed_steps == 0);
    CHECK_FALSE(driver.core.has_started());
    driver.view.peers.push_back(driver.info_of(peer(2)));
    CHECK(driver.look().allowed_steps == kNoBound);
}

// --- alone ------------------------------------------------------------------------------------

TEST_CASE("a node that never had a peer misses nobody: it says later that it trains alone",
          "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = {}});
    const Actions at_once = driver.step(1, 100);
    CHECK(at_once.events.empty());
    driver.now += kAlonePatience - 1ms;
    CHECK(driver.step(2, 100).events.empty());
    driver.now += 1ms;
    const Actions later = driver.step(3, 100);
    const Event* alone = find_event(later, "training_alone");
    REQUIRE(alone != nullptr);
    CHECK(alone->level == Level::info);
    CHECK(alone->message.find("dynavg token") != std::string::npos);
    driver.now += 1h;
    CHECK(driver.step(4, 100).events.empty());
}

TEST_CASE("a node that has lost its peers is told of as one that misses them", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.info(1).live = false;
    driver.look();
    const Actions actions = driver.step(1, 100);
    CHECK(find_event(actions, "round_impossible") != nullptr);
    CHECK(find_event(actions, "training_alone") == nullptr);
}

// --- the first heartbeat of a peer that has joined ---------------------------------------------

TEST_CASE("a first round waits for the first heartbeat of a peer that has joined", "[node_core]") {
    CoreDriver driver = with_an_unheard_third();
    CHECK_FALSE(driver.step(1, 100).freeze);
    SECTION("which has a reference: this peer adopts it") {
        const ReferenceId theirs{Epoch(50), {7, 7}};
        driver.info(2).reference = theirs;
        CHECK_FALSE(driver.look().freeze);
        const Actions actions = driver.hear_heartbeat_at(theirs, 2);
        CHECK_FALSE(actions.freeze);
        CHECK(sent<HistoryRequest>(actions, 2));
    }
    SECTION("which is new as well: the round begins at once, with it") {
        driver.info(2).reference = driver.initial->id;
        CHECK(driver.look().freeze == Epoch(1));
        CHECK(driver.core.round()->sets().candidates == peers({0, 1, 2}));
    }
    SECTION("which does not come: the round begins without it when the time is over") {
        const Actions waiting = driver.tick();
        CHECK(waiting.next_tick == driver.now + limits::kFirstHeartbeatPatience);
        driver.now = waiting.next_tick;
        CHECK(driver.tick().freeze == Epoch(1));
    }
    SECTION("which is lost: nobody waits for it") {
        driver.info(2).live = false;
        CHECK(driver.look().freeze == Epoch(1));
    }
}

TEST_CASE("another newcomer's first round is not joined before that heartbeat", "[node_core]") {
    CoreDriver driver = with_an_unheard_third();
    const RoundState call = driver.call_of(peers({0, 1}));
    Actions actions = driver.hear(1, call);
    CHECK_FALSE(actions.freeze);
    CHECK_FALSE(published<RoundState>(actions));
    driver.now += limits::kFirstHeartbeatPatience;
    CHECK(driver.hear(1, call).freeze == Epoch(1));
}

TEST_CASE("a peer with a reference of a round waits for no first heartbeat", "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1})});
    driver.commit_a_round();
    join_unheard(driver, 2);
    driver.look();
    CHECK(driver.step(1, 100).freeze == Epoch(2));
}

TEST_CASE("max_lag_steps bounds how far a peer runs ahead of the slowest", "[node_core]") {
    AveragingSettings settings = norm_settings();
    settings.max_lag_steps = 10;
    CoreDriver driver({.averaging = settings, .others = peers({1, 2}), .threshold = 1e6});
    CHECK(driver.look().allowed_steps == 10);
    driver.hear_state(1, 7, 1);
    CHECK(driver.look().allowed_steps == 10);
    CHECK(driver.hear_state(2, 4, 1).allowed_steps == 14);
    // A heartbeat tells it too.
    driver.info(2).steps_since_reference = 6;
    CHECK(driver.look().allowed_steps == 16);
    // A peer that is done, lost, or at another reference is not waited for.
    driver.info(2).done = true;
    CHECK(driver.look().allowed_steps == 17);
    driver.info(1).live = false;
    CHECK(driver.look().allowed_steps == kNoBound);
}

TEST_CASE("max_lag_steps counts from the reference", "[node_core]") {
    AveragingSettings settings = norm_settings();
    settings.max_lag_steps = 10;
    CoreDriver driver({.averaging = settings, .others = peers({1})});
    driver.commit_a_round();
    CHECK(driver.look().allowed_steps == 1 + 10);
    CHECK(driver.hear_state(1, 3, 1).allowed_steps == 1 + 3 + 10);
}

// --- lockstep ---------------------------------------------------------------------------------

TEST_CASE("a peer that no round can take in calls none, except for a try now and then",
          "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2, 3})});
    const std::vector<Accusation> cut_off{{peer(1), peer(3)}, {peer(2), peer(3)}};
    driver.commit_a_round(1, cut_off);
    REQUIRE(driver.core.roster() == peers({0, 1, 2}));
    // Once is no sign.
    driver.step(1, 0.1F);
    REQUIRE(driver.hear_state(3, 1, 1000).freeze);
    driver.agree();

    CoreDriver again({.averaging = norm_settings(), .others = peers({1, 2, 3})});
    again.commit_a_round(1, cut_off);
    again.commit_a_round(2, cut_off);
    again.step(1, 0.1F);
    CHECK_FALSE(again.hear_state(3, 1, 1000).freeze);
    CHECK(again.core.last_estimate()->bound < 1);
    again.now += limits::kMissedRoundsRetryInterval - 1ms;
    CHECK_FALSE(again.tick().freeze);
    again.now += 1ms;
    CHECK(again.tick().freeze);
}

TEST_CASE("a peer that rounds leave out calls no round after the other", "[node_core]") {
    CoreDriver driver({.self = 3, .averaging = norm_settings(), .others = peers({0, 1, 2})});
    for (float value = 1; value <= 2; ++value) {
        // The others commit before this peer has heard of a round.
        const ReferencePointer next = driver.next_value(value);
        driver.hear_heartbeat_at(next->id, 0);
        driver.hear_at(next->id, peer(0),
                       HistoryReply{{{driver.core.reference()->id, driver.core.roster()},
                                     {next->id, peers({0, 1, 2})}}});
        driver.core.on_pulled(next, driver.now);
        driver.tick();
        REQUIRE(driver.core.reference()->id == next->id);
        for (PeerInfo& other : driver.view.peers) other.reference = next->id;
        driver.look();
        // It still has what it learned.
        const Actions actions = driver.step(1, 100 * value);
        CHECK(actions.freeze.has_value() == (value < 2));
    }
    driver.now += limits::kMissedRoundsRetryInterval;
    CHECK(driver.tick().freeze);
}

TEST_CASE("when all are done one final round follows, and then nothing", "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1}), .threshold = 1000});
    driver.done = true;
    CHECK_FALSE(driver.step(3, 1).freeze);
    CHECK(driver.core.state_to_repeat() == StateMessage{3, {1, {}}});
    finish_others(driver, 2);
    const Actions actions = driver.look();
    CHECK(actions.freeze == Epoch(1));
    CHECK(published<RoundState>(actions)->evidence.reason == RoundReason::final);
    CHECK_FALSE(driver.core.is_finished());

    const Actions agreed = driver.agree();
    const ReferencePointer value = driver.next_value();
    driver.exchange_done(*agreed.start_exchange, value);
    driver.hear(1, driver.agreeing(driver.core.round()->prepared()));
    REQUIRE(driver.core.reference()->id == value->id);
    driver.steps_before = 3;
    driver.installed();
    CHECK_FALSE(driver.core.is_finished());  // Until the other says that it has moved too.
    finish_others(driver, 0);
    CHECK_FALSE(driver.look().freeze);
    driver.now += 1min;
    CHECK_FALSE(driver.tick().freeze);
    CHECK_FALSE(driver.core.round());
    CHECK(driver.core.is_finished());
}

TEST_CASE("a final round waits until every live peer is done", "[node_core]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .threshold = 1000});
    driver.done = true;
    driver.step(3, 1);
    finish_others(driver, 2);
    driver.info(2).done = false;
    CHECK_FALSE(driver.look().freeze);
    driver.info(2).live = false;
    CHECK(driver.look().freeze);
}

TEST_CASE("no final round where no drift is left", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.done = true;
    driver.step(0, 0);
    finish_others(driver, 0);
    CHECK_FALSE(driver.look().freeze);
    CHECK(driver.core.is_finished());
}

TEST_CASE("a heartbeat tells where this peer stands", "[node_core]") {
    CoreDriver driver = free_pair();
    driver.done = true;
    driver.step(7, 100);
    Heartbeat heartbeat;
    driver.core.describe(heartbeat);
    CHECK(heartbeat.steps == 7);
    CHECK(heartbeat.steps_since_reference == 7);
    CHECK(heartbeat.done);
    CHECK(heartbeat.reference_digest == driver.initial->id.digest);
    REQUIRE(heartbeat.round);
    CHECK(heartbeat.round->target == Epoch(1));
    RoundState own = driver.agreeing();
    own.remembers = driver.self.incarnation;
    CHECK(heartbeat.round->state == wire::digest_of(own));
    CHECK(heartbeat.remembers == driver.self.incarnation);
}

}  // namespace dynavg::protocol
