#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// The end of a peer's last round: a leaver waits for the others, and its goodbye lets them commit.

namespace dynavg::protocol {

namespace {

/// Peer 0 of these leaves; it has just committed its last round, of all of them.
struct Leaver {
    explicit Leaver(const Roster& others)
        : driver({.averaging = norm_settings(), .others = others, .start_peers = 2}) {
        driver.commit_a_round();
        driver.core.leave(driver.now);
        const Actions agreed = driver.agree();
        const ReferencePointer value = driver.next_value(2);
        driver.exchange_done(*agreed.start_exchange, value);
        for (const Member& other : others) {
            if (!driver.core.round()) break;
            driver.hear(other, driver.agreeing(*driver.core.round()->prepared()));
        }
        REQUIRE(driver.core.reference()->id == value->id);
        REQUIRE(driver.core.history().last().leaving == peers({0}));
        driver.look();
        driver.installed();
    }

    CoreDriver driver;
};

/// Peer 0 leaves with the round that this peer, 1, is in; the exchange of the two is under way.
struct Stayer {
    explicit Stayer(bool durable = false)
        : driver({.self = 1,
                  .averaging = norm_settings(),
                  .others = peers({0}),
                  .start_peers = 2,
                  .durable = durable}) {
        RoundState call = driver.call_of(peers({0, 1}));
        call.evidence.reason = RoundReason::leave;
        call.sets.leaving = peers({0});
        Actions called = driver.hear(0, call);
        if (durable) {
            driver.core.on_promise_written(*called.write_promise, driver.now);
            called = driver.core.take_actions(driver.now);
        }
        order = called.start_exchange ? called.start_exchange : driver.agree().start_exchange;
        REQUIRE(order);
        REQUIRE(order->roster == peers({0, 1}));
    }
    /// Peer 0 is gone with its last word, and had committed.
    Actions hear_goodbye() {
        Actions heard = driver.hear_at(value->id, peer(0), Goodbye{});
        driver.info(0).live = false;
        Actions looked = driver.look();
        looked.abort_exchange |= heard.abort_exchange;
        if (heard.install) looked.install = heard.install;
        return looked;
    }
    void check_outcome(const Actions& actions) {
        REQUIRE(actions.install);
        CHECK(actions.install->reference == value);
        CHECK(driver.core.history().last().roster == peers({0, 1}));
        CHECK(driver.core.history().last().leaving == peers({0}));
        CHECK(driver.core.electorate().body() == peers({1}));
    }

    CoreDriver driver;
    std::optional<ExchangeOrder> order;
    ReferencePointer value = driver.next_value(2);
};

}  // namespace

TEST_CASE("a leaver waits until every live member of its last round holds the outcome",
          "[node_core_leave]") {
    Leaver leaver(peers({1, 2}));
    CoreDriver& driver = leaver.driver;
    const ReferenceId outcome = driver.core.reference()->id;
    CHECK_FALSE(driver.core.may_leave());
    driver.hear_heartbeat_at(outcome, 1);
    CHECK_FALSE(driver.core.may_leave());
    SECTION("the last one says so") {
        driver.hear_heartbeat_at(outcome, 2);
    }
    SECTION("the last one has gone on already") {
        driver.info(2).reference = {outcome.epoch.next(), {7, 7}};
        driver.look();
    }
    SECTION("the last one is silent") {
        driver.info(2).live = false;
        driver.look();
    }
    CHECK(driver.core.may_leave());
}

TEST_CASE("a leaver waits for the next life of a member of its last round too",
          "[node_core_leave]") {
    Leaver leaver(peers({1}));
    leaver.driver.info(1).member = peer(1, 2);
    leaver.driver.look();
    CHECK_FALSE(leaver.driver.core.may_leave());
}

TEST_CASE("a leaver waits for nobody that was not in its last round", "[node_core_leave]") {
    Leaver leaver(peers({1}));
    CoreDriver& driver = leaver.driver;
    driver.view.peers.push_back(driver.info_of(peer(2)));
    driver.hear_heartbeat_at(driver.core.reference()->id, 1);
    driver.look();
    CHECK(driver.core.may_leave());
}

TEST_CASE("a peer that has left takes no part in what follows", "[node_core_leave]") {
    Leaver leaver(peers({1, 2}));
    CoreDriver& driver = leaver.driver;
    const Actions called = driver.hear(1, driver.call_of(peers({0, 1, 2})));
    CHECK_FALSE(driver.core.round());
    CHECK_FALSE(called.freeze);
    const ReferenceId later{driver.core.reference()->epoch.next(), {7, 7}};
    CHECK_FALSE(sent<HistoryRequest>(driver.hear_heartbeat_at(later, 1), 1));
    // A peer that is behind may still ask it.
    CHECK(sent<HistoryReply>(driver.hear_at(driver.initial->id, peer(2), HistoryRequest{Epoch(0)}),
                             2));
}

TEST_CASE("the next round is called without the peer that has left and is still there",
          "[node_core_leave]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    RoundState call = driver.call_of(peers({0, 1, 2}));
    call.sets.leaving = peers({2});
    driver.hear(2, call);
    driver.steps_before += 1;
    driver.exchange_done(*driver.agree().start_exchange, driver.next_value(2));
    driver.hear(1, driver.agreeing(*driver.core.round()->prepared()));
    REQUIRE(driver.core.history().last().leaving == peers({2}));
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    driver.look();
    driver.installed();
    driver.step(1, 100);
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->sets().candidates == peers({0, 1}));
}

TEST_CASE("the exchange's value is in force where the leaver has committed it and is gone",
          "[node_core_leave]") {
    Stayer stayer;
    const Actions heard = stayer.hear_goodbye();
    CHECK_FALSE(heard.abort_exchange);
    CHECK_FALSE(heard.install);
    stayer.check_outcome(stayer.driver.exchange_done(*stayer.order, stayer.value));
}

TEST_CASE("the exchange's value is not in force where the leaver had another outcome",
          "[node_core_leave]") {
    Stayer stayer;
    stayer.hear_goodbye();
    CHECK_FALSE(stayer.driver.exchange_done(*stayer.order, stayer.driver.next_value(3)).install);
    CHECK(stayer.driver.core.reference() == stayer.driver.initial);
}

TEST_CASE("a value on its way to the disk is in force where the leaver has committed it",
          "[node_core_leave]") {
    Stayer stayer(true);
    REQUIRE(stayer.driver.exchange_done(*stayer.order, stayer.value).write_prepared);
    stayer.check_outcome(stayer.hear_goodbye());
}

TEST_CASE("a prepared value is in force where the leaver has committed it", "[node_core_leave]") {
    Stayer stayer;
    stayer.driver.exchange_done(*stayer.order, stayer.value);
    REQUIRE(stayer.driver.core.round()->prepared());
    stayer.check_outcome(stayer.hear_goodbye());
}

}  // namespace dynavg::protocol
