#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// References without a common past: merge, or be absorbed.

namespace dynavg::protocol {

namespace {

CoreDriver driver_at_epoch_one(QuorumRule quorum = QuorumRule::majority) {
    AveragingSettings settings = norm_settings();
    settings.quorum = quorum;
    CoreDriver driver({.averaging = settings, .others = peers({1, 2, 3, 4}), .start_peers = 3});
    for (const int far : {3, 4}) driver.info(far).live = false;
    driver.look();
    driver.commit_a_round();
    REQUIRE(driver.core.roster() == peers({0, 1, 2}));
    return driver;
}

/// Peers 3 and 4 come back from another past.
ReferencePointer meet(CoreDriver& driver, std::uint32_t epoch) {
    const ReferencePointer theirs =
        make_next_reference(*driver.initial, Epoch(epoch), {9, 9, 9, 9});
    for (const int far : {3, 4}) {
        driver.info(far).live = true;
        driver.info(far).reference = theirs->id;
    }
    driver.look();
    return theirs;
}

}  // namespace

TEST_CASE("two sides with a quorum each merge above both", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one();
    const ReferencePointer theirs = meet(driver, 3);
    const Actions asked = driver.hear_heartbeat_at(theirs->id, 3);
    CHECK(sent<HistoryRequest>(asked, 3) == HistoryRequest{Epoch(1)});
    // Not their past: epoch 1 was another one there.
    const Actions forked = driver.hear_at(
        theirs->id, peer(3),
        HistoryReply{{{{Epoch(1), {8, 8}}, peers({3, 4})}, {theirs->id, peers({3, 4})}}});
    CHECK(find_event(forked, "fork_detected") != nullptr);
    CHECK(sent<HistoryRequest>(forked, 3) == HistoryRequest{Epoch(3)});
    const Actions merging =
        driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4})}}});
    const auto call = published<RoundState>(merging);
    REQUIRE(call);
    CHECK(call->evidence.reason == RoundReason::merge);
    CHECK(call->target == Epoch(4));
    CHECK(call->sets.candidates == peers({0, 1, 2, 3, 4}));
    CHECK(call->voters == peers({0, 1, 2}));
    CHECK(merging.freeze == Epoch(4));
    CHECK_FALSE(merging.pull);
}

TEST_CASE("a merge needs a quorum behind each side", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one();
    const ReferencePointer theirs = meet(driver, 1);
    driver.hear_heartbeat_at(theirs->id, 3);
    driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4})}}});
    REQUIRE(driver.core.round());
    // 3 is lost before the roster settles: 4 alone may not speak for {3, 4}.
    const auto agree = [&](int from, const Roster& voters, const ReferenceId& reference) {
        RoundState state = driver.agreeing();
        state.reference = reference;
        state.voters = voters;
        return driver.hear_at(reference, peer(from), state);
    };
    driver.info(3).live = false;
    driver.look();
    RoundState accusing = driver.agreeing();
    accusing.sets.accusations.push_back({peer(1), peer(3)});
    driver.hear_at(driver.core.reference()->id, peer(1), accusing);
    REQUIRE(driver.core.round()->members() == peers({0, 1, 2, 4}));
    agree(1, peers({0, 1, 2}), driver.core.reference()->id);
    agree(2, peers({0, 1, 2}), driver.core.reference()->id);
    CHECK_FALSE(agree(4, peers({3, 4}), theirs->id).start_exchange);
    // Had the roster behind it been {4} alone, it could.
    const Actions settled = agree(4, peers({4}), theirs->id);
    REQUIRE(settled.start_exchange);
    CHECK(settled.start_exchange->start_anew == driver.initial);
}

TEST_CASE("a side without a quorum is absorbed and keeps its drift", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one();
    for (const int near : {1, 2}) driver.info(near).live = false;
    driver.step(2, 0.5F);
    const ReferencePointer theirs = meet(driver, 1);
    driver.hear_heartbeat_at(theirs->id, 3);
    const Actions absorbed =
        driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4})}}});
    CHECK_FALSE(driver.core.round());
    CHECK(sent<HistoryRequest>(absorbed, 3) == HistoryRequest{Epoch(0)});
    const Actions told = driver.hear_at(
        theirs->id, peer(3), HistoryReply{{{driver.initial->id, {}}, {theirs->id, peers({3, 4})}}});
    REQUIRE(told.pull);
    CHECK(told.pull->wanted == theirs->id);
    driver.core.on_pulled(theirs, driver.now);
    const Actions installed = driver.core.take_actions(driver.now);
    REQUIRE(installed.install);
    CHECK(installed.install->spent == Spent::nothing);
    CHECK(driver.core.roster() == peers({3, 4}));
    CHECK(driver.core.history().find(Epoch(1))->reference == theirs->id);
}

TEST_CASE("a side that has lost its quorum itself waits", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one();
    const ReferencePointer theirs = meet(driver, 1);
    driver.hear_heartbeat_at(theirs->id, 3);
    driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4, 5, 6, 7})}}});
    CHECK_FALSE(driver.core.round());
}

TEST_CASE("with quorum none any two sides merge", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one(QuorumRule::none);
    for (const int near : {1, 2}) driver.info(near).live = false;
    const ReferencePointer theirs = meet(driver, 1);
    driver.hear_heartbeat_at(theirs->id, 3);
    driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4, 5, 6, 7})}}});
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->sets().candidates == peers({0, 3, 4}));
}

TEST_CASE("a peer that is called into a merge joins it", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one();
    driver.step(1, 0);
    const ReferencePointer theirs = meet(driver, 2);
    RoundState call;
    call.target = Epoch(3);
    call.reference = theirs->id;
    call.evidence.reason = RoundReason::merge;
    call.sets.candidates = peers({0, 1, 2, 3, 4});
    call.voters = peers({3, 4});
    const Actions joined = driver.hear_at(theirs->id, peer(3), call);
    CHECK(joined.freeze == Epoch(3));
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->target() == Epoch(3));
    // A round for the next epoch of one side has no place beside it.
    driver.hear(1, driver.call_of(peers({0, 1, 2})));
    CHECK(driver.core.round()->target() == Epoch(3));
}

TEST_CASE("a merge is called above the round of one side that is open", "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one();
    driver.step(1, 100);
    REQUIRE(driver.core.round());
    REQUIRE(driver.core.round()->target() == Epoch(2));
    SECTION("by who detects the fork") {
        const ReferencePointer theirs = meet(driver, 1);
        driver.hear_heartbeat_at(theirs->id, 3);
        driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4})}}});
    }
    SECTION("by who hears of one with the target of its own round") {
        const ReferencePointer theirs = meet(driver, 1);
        RoundState call;
        call.target = Epoch(2);
        call.attempt = Attempt(1);
        call.reference = theirs->id;
        call.evidence.reason = RoundReason::merge;
        call.sets.candidates = peers({0, 1, 2, 3, 4});
        call.voters = peers({3, 4});
        driver.hear_at(theirs->id, peer(3), call);
    }
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->target() == Epoch(3));
    CHECK(driver.core.round()->evidence().reason == RoundReason::merge);
    // The round that it ends has no way back, whatever its attempt.
    RoundState old = driver.call_of(peers({0, 1, 2}));
    old.target = Epoch(3);
    old.attempt = Attempt(5);
    driver.hear(1, old);
    CHECK(driver.core.round()->evidence().reason == RoundReason::merge);
}

TEST_CASE("a merge that others have ended is begun anew, or adopted by a peer that was in it",
          "[node_core_fork]") {
    CoreDriver driver = driver_at_epoch_one(QuorumRule::none);
    driver.step(1, 4);
    const ReferencePointer theirs = meet(driver, 1);
    driver.hear_heartbeat_at(theirs->id, 3);
    driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4})}}});
    REQUIRE(driver.core.round());
    REQUIRE(driver.core.round()->target() == Epoch(2));
    // This peer does not hear the next words in time.
    const ReferencePointer later = make_next_reference(*theirs, Epoch(5), {7, 7, 7, 7});
    driver.info(3).reference = later->id;
    driver.look();
    const Actions asked = driver.hear_heartbeat_at(later->id, 3);
    CHECK(sent<HistoryRequest>(asked, 3) == HistoryRequest{Epoch(2)});
    const ReferenceId merged{Epoch(2), {6, 6}};
    SECTION("without it") {
        const Actions told = driver.hear_at(
            later->id, peer(3),
            HistoryReply{{{merged, peers({1, 2, 3, 4})}, {later->id, peers({1, 2, 3, 4})}}});
        CHECK(sent<HistoryRequest>(told, 3) == HistoryRequest{Epoch(5)});
        const Actions anew =
            driver.hear_at(later->id, peer(3), HistoryReply{{{later->id, peers({1, 2, 3, 4})}}});
        REQUIRE(published<RoundState>(anew));
        CHECK(published<RoundState>(anew)->target == Epoch(6));
        CHECK(anew.freeze == Epoch(6));
    }
    SECTION("with it") {
        const HistoryEntry with_us{merged, peers({0, 1, 2, 3, 4})};
        const HistoryEntry newest{later->id, peers({1, 2, 3, 4})};
        const Actions told = driver.hear_at(later->id, peer(3), HistoryReply{{with_us, newest}});
        CHECK(sent<HistoryRequest>(told, 3) == HistoryRequest{Epoch(0)});
        const Actions pulling = driver.hear_at(
            later->id, peer(3),
            HistoryReply{{{driver.initial->id, {}}, {theirs->id, peers({3, 4})}, with_us, newest}});
        REQUIRE(pulling.pull);
        driver.core.on_pulled(later, driver.now);
        const Actions adopted = driver.core.take_actions(driver.now);
        REQUIRE(adopted.install);
        CHECK(adopted.install->spent == Spent::frozen);
    }
}

}  // namespace dynavg::protocol
