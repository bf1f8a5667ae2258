#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// A crash right after a commit, in a roster of two: the choices of the survivor.

namespace dynavg::protocol {

namespace {

/// This peer, 1, is prepared. The first member of the roster, 0, may have committed.
struct SecondOfTwo {
    SecondOfTwo()
        : driver(
              {.self = 1, .averaging = norm_settings(), .others = peers({0}), .start_peers = 2}) {
        driver.commit_a_round();
        driver.step(1, 100);
        const Actions agreed = driver.agree();
        value = driver.next_value(2);
        REQUIRE_FALSE(driver.exchange_done(*agreed.start_exchange, value).install);
        REQUIRE(driver.core.round()->prepared()->digest == value->id.digest);
    }
    void lose_the_first() {
        driver.info(0).live = false;
        driver.look();
    }

    CoreDriver driver;
    ReferencePointer value;
};

/// This peer, 0, is the first member of the roster, is prepared, and has not heard that peer 1 is.
struct FirstOfTwo {
    FirstOfTwo() : driver({.averaging = norm_settings(), .others = peers({1}), .start_peers = 2}) {
        driver.commit_a_round();
        driver.step(1, 100);
        const Actions agreed = driver.agree();
        value = driver.next_value(2);
        done = driver.exchange_done(*agreed.start_exchange, value);
    }

    CoreDriver driver;
    ReferencePointer value;
    Actions done;
};

}  // namespace

TEST_CASE("a peer that may decide alone waits for a second member that has the value",
          "[node_core_commit]") {
    FirstOfTwo first;
    CHECK_FALSE(first.done.install);
    REQUIRE(published<RoundState>(first.done));
    CHECK(published<RoundState>(first.done)->prepared);
    CHECK_FALSE(first.driver.tick().install);
    const RoundState word = first.driver.agreeing(first.driver.core.round()->prepared());
    CHECK(first.driver.hear(1, word).install);
}

TEST_CASE("a peer that may decide alone waits for no member that is gone", "[node_core_commit]") {
    FirstOfTwo first;
    first.driver.info(1).live = false;
    first.driver.look();
    first.driver.tick();
    CHECK(first.driver.core.reference() == first.value);
    CHECK(first.driver.core.history().last().roster == peers({0, 1}));
}

TEST_CASE("a peer that may decide alone does not wait for long", "[node_core_commit]") {
    FirstOfTwo first;
    first.driver.now += limits::kSecondHolderPatience - 1ms;
    CHECK_FALSE(first.driver.tick().install);
    first.driver.now += 1ms;
    CHECK(first.driver.tick().install);
}

TEST_CASE("the second of two commits on the word that the first one is prepared",
          "[node_core_commit]") {
    SecondOfTwo second;
    const RoundState word = second.driver.agreeing(second.driver.core.round()->prepared());
    CHECK(second.driver.hear(0, word).install);
    CHECK(second.driver.core.reference() == second.value);
}

TEST_CASE(
    "without that word the second of two keeps its value and waits: the first one may have "
    "gone on with others",
    "[node_core_commit]") {
    SecondOfTwo second;
    second.lose_the_first();
    second.driver.now += 10min;
    second.driver.tick();
    CHECK(second.driver.core.reference()->epoch == Epoch(1));
    CHECK(second.driver.core.round()->prepared()->digest == second.value->id.digest);
}

TEST_CASE("once the first of two is forgotten, its last round is finished with the next peer",
          "[node_core_commit]") {
    SecondOfTwo second;
    CoreDriver& driver = second.driver;
    second.lose_the_first();
    REQUIRE(driver.core.forget(peer(0).id, driver.now));
    CHECK(driver.core.electorate().body() == peers({1}));
    PeerInfo third = driver.info_of(peer(2));
    third.reference = driver.core.reference()->id;
    driver.view.peers.push_back(third);
    driver.look();
    RoundState word = driver.agreeing();
    word.sets.candidates = peers({0, 1, 2});
    word.sets.accusations = {{peer(1), peer(0)}, {peer(2), peer(0)}};
    driver.hear(2, word);
    driver.now += limits::kSecondHolderPatience;
    driver.tick();
    // Peer 0's contribution is in it.
    CHECK(driver.core.reference() == second.value);
    CHECK(driver.core.history().last().roster == peers({0, 1}));
}

}  // namespace dynavg::protocol
