#include "tests/protocol/core/durable_driver.hpp"

namespace dynavg::protocol {

TEST_CASE("a peer that was not in the last round has no say in departures", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1}));
    restored.promise = promise_of(2, 0);
    CoreDriver driver = restarted(restored, 2, 1, peers({1}));
    CHECK_FALSE(driver.core.forget(peer(0).id, driver.now));
}

TEST_CASE("a person forgets a peer that will not come back", "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1}));
    restored.promise = promise_of(2, 0);
    // The known limit: a roster of two that has lost its first member.
    CoreDriver driver = restarted(restored, 1, 1, peers({2}));
    CHECK_FALSE(driver.core.may_call());
    CHECK_FALSE(driver.core.forget(peer(9).id, driver.now));
    CHECK_FALSE(driver.core.forget(peer(1).id, driver.now));
    CHECK(driver.core.forget(peer(0).id, driver.now));
    const Actions actions = driver.core.take_actions(driver.now);
    CHECK(find_event(actions, "peer_forgotten") != nullptr);
    CHECK(driver.core.may_call());
    Heartbeat heartbeat;
    driver.core.describe(heartbeat);
    CHECK(heartbeat.departed == std::vector{peer(0).id});
}

TEST_CASE("a peer that another one forgets is let go here too, if it is not alive",
          "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1, 2, 3}));
    restored.promise = promise_of(2, 0);
    CoreDriver driver = restarted(restored, 3, 1, peers({1, 2}));
    Heartbeat heartbeat;
    heartbeat.reference_digest = driver.core.reference()->id.digest;
    heartbeat.departed = {peer(0).id};
    driver.hear(2, heartbeat);
    driver.tick();
    CHECK(driver.core.electorate().acknowledged() == std::vector{peer(0).id});
    CHECK(driver.core.electorate().body() == peers({1, 2, 3}));
    heartbeat.departed = {peer(1).id};
    driver.hear(2, heartbeat);
    driver.tick();
    CHECK(driver.core.electorate().acknowledged() == std::vector{peer(0).id});
}

TEST_CASE("a peer that is back without its promises is let go as one that is gone",
          "[node_core_durable]") {
    const CoreDriver model = durable_trio();
    RestoredCore restored = restored_at(model, peers({0, 1}));
    restored.promise = promise_of(1, 0);
    CoreDriver driver = restarted(restored, 1, 1, {peer(0), peer(2)});
    CHECK(driver.core.has_live_voter(peer(0).id));
    driver.view.peers[0].member = peer(0, 7);
    driver.view.peers[0].remembers = Incarnation(7);
    driver.look();
    CHECK_FALSE(driver.core.has_live_voter(peer(0).id));
    CHECK_FALSE(driver.core.may_call());
    CHECK(driver.core.forget(peer(0).id, driver.now));
    CHECK(driver.core.may_call());
}

TEST_CASE("a prepared peer finishes its round before it acknowledges a departure",
          "[node_core_durable]") {
    CoreDriver driver(
        {.self = 1, .averaging = norm_settings(), .others = peers({0, 2, 3}), .start_peers = 4});
    driver.commit_a_round();
    driver.step(1, 100);
    const Actions agreed = driver.agree();
    driver.exchange_done(*agreed.start_exchange, driver.next_value(2));
    REQUIRE(driver.core.round()->prepared());
    miss_peer_3(driver);
    CHECK(driver.core.forget(peer(3).id, driver.now));
    CHECK(driver.core.electorate().acknowledged().empty());

    acknowledge(driver);
    REQUIRE_FALSE(driver.core.round());
    REQUIRE(driver.core.electorate().body() == peers({0, 1, 2, 3}));
    driver.look();
    driver.tick();
    CHECK(driver.core.electorate().acknowledged() == std::vector{peer(3).id});
}

TEST_CASE("a prepared peer finishes its round without the peers that it is to let go",
          "[node_core_durable]") {
    CoreDriver driver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
    driver.commit_a_round();
    driver.step(1, 100);
    const Actions agreed = driver.agree();
    const ReferencePointer value = driver.next_value(2);
    driver.exchange_done(*agreed.start_exchange, value);
    REQUIRE(driver.core.round()->prepared());
    for (PeerInfo& other : driver.view.peers) other.live = false;
    PeerInfo newcomer = driver.info_of(peer(3));
    newcomer.reference = driver.core.reference()->id;
    driver.view.peers.push_back(newcomer);
    driver.look();
    driver.now += 20s;
    driver.tick();
    driver.look();
    REQUIRE(driver.core.round()->members() == peers({0, 3}));

    CHECK(driver.core.forget(peer(1).id, driver.now));
    CHECK(driver.core.forget(peer(2).id, driver.now));
    CHECK(driver.core.may_call());
    driver.hear(3, driver.agreeing());
    driver.now += limits::kSecondHolderPatience;
    driver.tick();
    // Those that have gone may have committed it: it is the reference, and nothing else is.
    CHECK(driver.core.reference()->id == value->id);
    CHECK(driver.core.history().last().roster == peers({0, 1, 2}));
    driver.tick();
    CHECK(driver.core.electorate().body() == peers({0}));
}

TEST_CASE("a peer that comes back is not let go by an earlier word about it",
          "[node_core_durable]") {
    CoreDriver driver(
        {.self = 1, .averaging = norm_settings(), .others = peers({0, 2, 3}), .start_peers = 4});
    driver.commit_a_round();
    driver.step(1, 100);
    const Actions agreed = driver.agree();
    driver.exchange_done(*agreed.start_exchange, driver.next_value(2));
    miss_peer_3(driver);
    CHECK(driver.core.forget(peer(3).id, driver.now));
    driver.info(3).live = true;
    driver.look();
    driver.tick();
    acknowledge(driver);
    REQUIRE_FALSE(driver.core.round());
    driver.info(3).live = false;
    driver.look();
    driver.tick();
    CHECK(driver.core.electorate().acknowledged().empty());
}

}  // namespace dynavg::protocol
