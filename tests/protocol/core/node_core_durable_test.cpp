#include "tests/protocol/core/durable_driver.hpp"

namespace dynavg::protocol {

TEST_CASE("nothing is said in an attempt before the promise is on disk", "[node_core_durable]") {
    CoreDriver driver = durable_trio();
    const Actions called = driver.step(1, 100);
    CHECK(called.freeze == Epoch(1));
    REQUIRE(called.write_promise);
    CHECK(called.write_promise->target == Epoch(1));
    CHECK(called.write_promise->attempt == Attempt(0));
    CHECK_FALSE(published<RoundState>(called));
    CHECK_FALSE(sent<RoundState>(driver.hear(1, RoundRequest{}), 1));
    Heartbeat heartbeat;
    driver.core.describe(heartbeat);
    CHECK_FALSE(heartbeat.round);
    // The others agree, and still this peer takes no part.
    CHECK_FALSE(driver.agree().start_exchange);
    const Actions spoken = written(driver, *called.write_promise);
    CHECK(published<RoundState>(spoken));
    CHECK(spoken.start_exchange);
}

TEST_CASE("a promise for an attempt that is over lets nothing be said", "[node_core_durable]") {
    CoreDriver driver = durable_trio();
    const Actions called = driver.step(1, 100);
    const Actions again = driver.hear(1, driver.call_of(peers({0, 1, 2}), Attempt(1)));
    CHECK_FALSE(published<RoundState>(written(driver, *called.write_promise)));
    CHECK(published<RoundState>(written(driver, *again.write_promise)));
}

TEST_CASE("a value is announced once it is on disk", "[node_core_durable]") {
    CoreDriver driver = durable_trio();
    const Actions called = driver.step(1, 100);
    driver.agree();
    const Actions settled = written(driver, *called.write_promise);
    const ReferencePointer value = driver.next_value();
    const Actions done = driver.exchange_done(*settled.start_exchange, value);
    REQUIRE(done.write_prepared);
    CHECK(done.write_prepared->value == value);
    CHECK_FALSE(published<RoundState>(done));
    CHECK_FALSE(done.prepared);
    CHECK_FALSE(driver.tick().start_exchange);
    // A quorum of others announces it: this peer has not, so it does not count itself.
    const Prepared prepared = done.write_prepared->prepared;
    driver.hear(1, driver.agreeing(prepared));
    CHECK(driver.core.reference()->epoch == Epoch(0));
    const Actions announced = written(driver, prepared);
    CHECK(driver.core.reference()->id == value->id);
    CHECK(announced.install);
}

TEST_CASE("a value whose ballot has passed while it was written is made anew",
          "[node_core_durable]") {
    CoreDriver driver = durable_trio();
    const Actions called = driver.step(1, 100);
    driver.agree();
    const Actions settled = written(driver, *called.write_promise);
    const Actions done = driver.exchange_done(*settled.start_exchange, driver.next_value());
    driver.info(2).live = false;
    driver.look();
    REQUIRE(driver.core.round()->members() == peers({0, 1}));
    const Actions late = written(driver, done.write_prepared->prepared);
    CHECK_FALSE(driver.core.round()->prepared());
    CHECK_FALSE(late.prepared);
    CHECK(driver.agree().start_exchange);
}

TEST_CASE("a peer that hears of the commit needs no disk to follow", "[node_core_durable]") {
    CoreDriver driver = durable_trio();
    const Actions called = driver.step(1, 100);
    driver.agree();
    const Actions settled = written(driver, *called.write_promise);
    const ReferencePointer value = driver.next_value();
    driver.exchange_done(*settled.start_exchange, value);
    const Actions heard = driver.hear_heartbeat_at(value->id, 1);
    REQUIRE(heard.install);
    CHECK(heard.install->reference == value);
    CHECK(heard.install->spent == Spent::frozen);
}

TEST_CASE("a restarted peer goes on from its reference, above what it promised",
          "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1, 2}));
    restored.promise = promise_of(2, 3);
    CoreDriver driver = restarted(restored);
    CHECK(driver.core.reference()->epoch == Epoch(1));
    CHECK(driver.core.roster() == peers({0, 1, 2}));
    const Actions called = driver.step(1, 100);
    REQUIRE(published<RoundState>(called));
    CHECK(published<RoundState>(called)->attempt == Attempt(4));
    CHECK(published<RoundState>(called)->remembers == Incarnation(1));
}

TEST_CASE("a restarted peer draws the others above its promise", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1, 2}));
    restored.promise = promise_of(2, 3);
    CoreDriver driver = restarted(restored);
    // Accusations of the attempt that is over do not come along.
    RoundState theirs = driver.call_of(peers({0, 1, 2}), Attempt(3));
    theirs.sets.accusations = {{peer(1), peer(0)}};
    driver.hear(1, theirs);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->attempt() == Attempt(4));
    CHECK(driver.core.round()->sets().accusations.empty());
}

TEST_CASE("a value that an earlier life prepared is announced again", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1, 2}));
    restored.promise = promise_of(2, 3);
    const ReferencePointer value = make_next_reference(*restored.reference, Epoch(2), {2, 2, 2, 2});
    restored.prepared =
        PreparedRecord{{{Attempt(3), 3}, value->id.digest, peers({0, 1, 2}), {}}, value};
    CoreDriver driver = restarted(restored);
    const Actions called = driver.step(1, 100);
    REQUIRE(published<RoundState>(called)->prepared);
    CHECK(published<RoundState>(called)->prepared->digest == value->id.digest);
    CHECK(called.prepared == value);
    // The others have nothing of it: it is finished, not replaced.
    const Actions agreed = driver.agree();
    CHECK_FALSE(agreed.start_exchange);
    CHECK(driver.core.round()->prepared()->roster == peers({0, 1, 2}));
    CHECK(driver.core.round()->prepared()->ballot == driver.core.round()->ballot());
}

TEST_CASE("without its promises a restarted peer has no vote", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    CoreDriver forgot = restarted(restored_at(model, peers({0, 1, 2})), 0, 5, peers({1}));
    CHECK_FALSE(forgot.core.may_call());
    RestoredCore restored = restored_at(model, peers({0, 1, 2}));
    restored.promise = promise_of(2, 0);
    CoreDriver remembers = restarted(restored, 0, 5, peers({1}));
    CHECK(remembers.core.may_call());
    // And who hears of such a peer does not count it either.
    restored = restored_at(model, peers({0, 1, 2}));
    restored.promise = promise_of(2, 0);
    CoreDriver other = restarted(restored, 0, 1, {peer(1, 7)});
    other.info(1).remembers = Incarnation(7);
    other.look();
    CHECK_FALSE(other.core.may_call());
    other.info(1).remembers = Incarnation(1);
    other.look();
    CHECK(other.core.may_call());
}

TEST_CASE("a drift that an earlier life gave is not counted again", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1, 2}));
    restored.promise = promise_of(2, 0);
    restored.drift_since = Epoch(1);
    const auto adopt = [&](CoreDriver& driver, const Roster& roster) {
        const ReferencePointer value =
            make_next_reference(*driver.core.reference(), Epoch(2), {2, 2, 2, 2});
        driver.hear_heartbeat_at(value->id, 1);
        driver.hear_at(value->id, peer(1),
                       HistoryReply{{driver.core.history().last(), {value->id, roster}}});
        driver.core.on_pulled(value, driver.now);
        return driver.core.take_actions(driver.now).install->spent;
    };
    CoreDriver given = restarted(restored);
    CHECK(adopt(given, peers({0, 1, 2})) == Spent::given);  // peer(0) is its first life.
    CoreDriver missed = restarted(restored);
    CHECK(adopt(missed, peers({1, 2})) == Spent::nothing);
    // Nothing came back from disk: there is nothing to take out.
    restored.drift_since.reset();
    CoreDriver fresh = restarted(restored);
    CHECK(adopt(fresh, peers({0, 1, 2})) == Spent::nothing);
}

TEST_CASE("in lockstep, when all have been restarted, a round lets them start together again",
          "[node_core_durable]") {
    AveragingSettings settings = norm_settings();
    settings.pace = Pace::lockstep;
    const CoreDriver model({.averaging = settings, .others = peers({1, 2}), .start_peers = 3});
    const RestoredCore restored = restored_at(model, peers({0, 1, 2}));
    CoreDriver driver(
        {.averaging = settings, .others = peers({1, 2}), .start_peers = 3, .restored = restored});
    for (PeerInfo& other : driver.view.peers) other.reference = restored.reference->id;
    driver.view.peers[0].position = LockstepPosition::in_step;
    driver.look();
    CHECK_FALSE(driver.core.round());
    CHECK(driver.core.take_actions(driver.now).allowed_steps == 0);
    // The last one that was in step has been restarted too.
    driver.view.peers[0].position = LockstepPosition::apart;
    driver.look();
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::regroup);
}

// --- leaving and forgetting -------------------------------------------------------------------

TEST_CASE("a peer that leaves hands over in a last round and has no vote after it",
          "[node_core_durable]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    driver.step(1, 0.5F);
    CHECK_FALSE(driver.core.may_leave());
    driver.core.leave(driver.now);
    const Actions called = driver.core.take_actions(driver.now);
    REQUIRE(published<RoundState>(called));
    CHECK(published<RoundState>(called)->evidence.reason == RoundReason::leave);
    CHECK(published<RoundState>(called)->sets.leaving == peers({0}));
    CHECK(called.allowed_steps == 2);  // Training pauses.
    const Actions agreed = driver.agree();
    const ReferencePointer value = driver.next_value(2);
    driver.exchange_done(*agreed.start_exchange, value);
    driver.hear(1, driver.agreeing(*driver.core.round()->prepared()));
    CHECK(driver.core.history().last().leaving == peers({0}));
    CHECK(driver.core.electorate().body() == peers({1, 2}));
    driver.installed();
    CHECK_FALSE(driver.core.round());
}

TEST_CASE(
    "a peer that leaves in mid-round hands over with one more round what came after its freeze",
    "[node_core_durable]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    driver.step(1, 100);
    REQUIRE(driver.core.round());
    driver.core.leave(driver.now);
    CHECK_FALSE(driver.core.may_leave());
    CHECK(driver.core.round()->leaving().empty());
    driver.commit_a_round();
    CHECK_FALSE(driver.core.may_leave());
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->target() == Epoch(3));
    CHECK(driver.core.round()->leaving() == peers({0}));
}

TEST_CASE("a peer that is cut off in mid-round says so", "[node_core_durable]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    driver.step(1, 100);
    REQUIRE(driver.core.round());
    for (PeerInfo& other : driver.view.peers) other.live = false;
    driver.info(2).name = "node-c";
    const Actions actions = driver.look();
    const Event* impossible = find_event(actions, "round_impossible");
    REQUIRE(impossible != nullptr);
    const std::vector<std::string> missing = {peer(1).id.fingerprint(),
                                              "node-c (" + peer(2).id.fingerprint() + ")"};
    CHECK(std::get<std::vector<std::string>>(*impossible->find("missing")) == missing);
    CHECK(impossible->message.ends_with("missing peers: " + missing[0] + ", " + missing[1]));
    CHECK(find_event(driver.tick(), "round_impossible") == nullptr);
}

TEST_CASE("a peer that has yet to say that it has this reference is waited for",
          "[node_core_durable]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    for (PeerInfo& other : driver.view.peers) other.reference = {};
    driver.look();
    driver.step(1, 100);
    CHECK(find_event(driver.core.take_actions(driver.now), "round_impossible") == nullptr);
    driver.core.leave(driver.now);
    CHECK_FALSE(driver.core.may_leave());
    CHECK_FALSE(driver.core.round());
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    driver.look();
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::leave);
}

TEST_CASE("the only one with a vote passes it on before it leaves", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1}));
    restored.history.back().leaving = peers({1});
    restored.promise = promise_of(1, 0);
    // Peer 2 has joined since.
    CoreDriver driver = restarted(restored, 0, 1, peers({2}));
    CHECK(driver.core.electorate().body() == peers({0}));
    driver.core.leave(driver.now);
    CHECK_FALSE(driver.core.may_leave());
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->members() == peers({0, 2}));
    CHECK(driver.core.round()->leaving() == peers({0}));
}

TEST_CASE("a peer without a vote hands over what it has learned", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({1, 2}));
    restored.promise = promise_of(1, 0);
    CoreDriver driver = restarted(restored, 0, 1);
    CHECK(driver.core.may_leave());
    driver.step(1, 0.5F);
    driver.core.leave(driver.now);
    CHECK_FALSE(driver.core.may_leave());
    CHECK(driver.core.round());
}

TEST_CASE("a peer that is alone has no peer to hand over to", "[node_core_durable]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    for (PeerInfo& other : driver.view.peers) other.live = false;
    driver.look();
    driver.core.leave(driver.now);
    CHECK(driver.core.may_leave());
}

TEST_CASE("if all leave at once, all of them vote when they come back", "[node_core_durable]") {
    const HistoryEntry entry{{Epoch(3), {1, 1}}, peers({0, 1}), peers({0, 1})};
    CHECK(voters_of(entry) == peers({0, 1}));
    CHECK(voters_of({{Epoch(3), {1, 1}}, peers({0, 1, 2}), peers({1})}) == peers({0, 2}));
}

}  // namespace dynavg::protocol
