#include <algorithm>

#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// One round: its members, prepare and commit.

namespace dynavg::protocol {

namespace {

CoreDriver driver_of(int self, const Roster& others, AveragingSettings settings = norm_settings()) {
    return CoreDriver({.self = self,
                       .averaging = settings,
                       .others = others,
                       .start_peers = static_cast<std::uint32_t>(others.size() + 1)});
}

/// In a round of peers 0 to 3, with the exchange done: prepared, and not committed yet.
struct PreparedRound {
    CoreDriver driver = driver_of(0, peers({1, 2, 3}));
    ReferencePointer value;
    Actions actions;

    PreparedRound() {
        driver.step(1, 100);
        const Actions agreed = driver.agree();
        value = driver.next_value();
        actions = driver.exchange_done(*agreed.start_exchange, value);
    }
    [[nodiscard]] Prepared prepared(const Digest& digest) const {
        return {driver.core.round()->ballot(), digest, driver.core.round()->members()};
    }
    [[nodiscard]] Prepared prepared() const { return prepared(value->id.digest); }
};

using Names = std::vector<std::string>;

/// A second round or a later one, of all who are live now.
Actions commit_with_present(CoreDriver& driver) {
    driver.step(1, 100);
    const Actions agreed = driver.agree();
    REQUIRE(agreed.start_exchange);
    const ReferencePointer value =
        driver.next_value(static_cast<float>(driver.core.reference()->epoch.value() + 1));
    const Roster members = agreed.start_exchange->roster;
    Actions actions = driver.exchange_done(*agreed.start_exchange, value);
    for (const Member& member : members) {
        if (member == driver.self || !driver.core.round()) continue;
        const Prepared prepared{driver.core.round()->ballot(), value->id.digest, members};
        Actions more = driver.hear(member, driver.agreeing(prepared));
        for (Event& event : more.events) actions.events.push_back(std::move(event));
    }
    for (PeerInfo& other : driver.view.peers) {
        if (other.live) other.reference = driver.core.reference()->id;
    }
    driver.steps_before += 1;
    driver.look();
    driver.installed();
    return actions;
}

/// Time passes, everybody is alive.
void pass(CoreDriver& driver, Duration duration) {
    driver.now += duration;
}

}  // namespace

TEST_CASE("a peer that hears a call freezes and joins", "[node_core_round]") {
    CoreDriver driver = driver_of(1, peers({0, 2}));
    driver.step(1, 0.5F);
    const Actions actions = driver.hear(0, driver.call_of(peers({0, 1, 2})));
    CHECK(actions.freeze == Epoch(1));
    const auto joined = published<RoundState>(actions);
    REQUIRE(joined);
    CHECK(joined->sets.candidates == peers({0, 1, 2}));
    CHECK(joined->evidence == driver.call_of({}).evidence);
    // Joining is no crossing of its own.
    CHECK(find_event(actions, "crossing") == nullptr);
}

TEST_CASE("many calls for one epoch are one call", "[node_core_round]") {
    CoreDriver driver = driver_of(1, peers({0, 2}));
    CHECK(driver.hear(0, driver.call_of(peers({0, 1, 2}))).freeze);
    CHECK_FALSE(driver.hear(2, driver.call_of(peers({0, 1, 2}))).freeze);
    CHECK_FALSE(driver.step(1, 100).freeze);
}

TEST_CASE("a call for another epoch than the next is not joined", "[node_core_round]") {
    CoreDriver driver = driver_of(1, peers({0, 2}));
    RoundState call = driver.call_of(peers({0, 1, 2}));
    call.target = Epoch(2);
    CHECK_FALSE(driver.hear(0, call).freeze);
    call = driver.call_of(peers({0, 1, 2}));
    call.reference.digest = {9, 9};
    CHECK_FALSE(driver.hear(0, call).freeze);
    CHECK_FALSE(driver.core.round());
}

TEST_CASE("the exchange starts once all members hold the same sets", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    CHECK_FALSE(driver.hear(1, driver.agreeing()).start_exchange);
    const Actions actions = driver.hear(2, driver.agreeing());
    REQUIRE(actions.start_exchange);
    CHECK(actions.start_exchange->roster == peers({0, 1, 2}));
    CHECK(actions.start_exchange->key == driver.core.round()->key());
    CHECK(actions.start_exchange->self == driver.self);
    CHECK(find_event(actions, "round_started") != nullptr);
    // Once, whatever else comes.
    CHECK_FALSE(driver.hear(1, driver.agreeing()).start_exchange);
    CHECK_FALSE(driver.tick().start_exchange);
}

TEST_CASE("sets that grow are told, and abort the exchange", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    REQUIRE(driver.agree().start_exchange);
    RoundState more = driver.agreeing();
    more.sets.candidates.push_back(peer(7));
    const Actions actions = driver.hear(1, more);
    CHECK(actions.abort_exchange);
    CHECK(published<RoundState>(actions)->sets.candidates == peers({0, 1, 2, 7}));
    CHECK_FALSE(actions.freeze);
}

TEST_CASE("a round state that was lost is asked for after the next heartbeat",
          "[node_core_round]") {
    CoreDriver driver = driver_of(1, peers({0, 2}));
    const RoundState call = driver.call_of(peers({0, 1, 2}));
    Heartbeat heartbeat;
    heartbeat.reference_digest = driver.initial->id.digest;
    heartbeat.round = RoundStatus{call.target, call.attempt, wire::digest_of(call)};
    CHECK(sent<RoundRequest>(driver.hear(0, heartbeat), 0));
    driver.hear(0, call);
    CHECK(driver.hear(0, heartbeat).send.empty());
    // It has grown since.
    RoundState grown = call;
    grown.sets.accusations = {{peer(0), peer(2)}};
    heartbeat.round->state = wire::digest_of(grown);
    CHECK(sent<RoundRequest>(driver.hear(0, heartbeat), 0));
    // Of an attempt that is over here nothing is asked.
    driver.hear(2, driver.call_of(peers({0, 1, 2}), Attempt(3)));
    CHECK(driver.hear(0, heartbeat).send.empty());
}

TEST_CASE("a peer that asks is told the round, if there is one", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    CHECK(driver.hear(1, RoundRequest{}).send.empty());
    driver.step(1, 100);
    RoundState own = driver.agreeing();
    own.remembers = driver.self.incarnation;
    CHECK(sent<RoundState>(driver.hear(1, RoundRequest{}), 1) == own);
}

// --- prepare and commit -----------------------------------------------------------------------

TEST_CASE("after the exchange a peer is prepared, and says so", "[node_core_round]") {
    const PreparedRound round;
    CHECK(round.actions.prepared == round.value);
    CHECK_FALSE(round.actions.install);
    const auto told = published<RoundState>(round.actions);
    REQUIRE(told);
    CHECK(told->prepared == round.prepared());
    CHECK(round.driver.core.reference()->epoch == Epoch(0));
}

TEST_CASE("before the first reference most of those that start together must be prepared",
          "[node_core_round]") {
    PreparedRound round;
    CoreDriver& driver = round.driver;
    CHECK_FALSE(driver.hear(2, driver.agreeing(round.prepared())).install);
    const Actions actions = driver.hear(3, driver.agreeing(round.prepared()));
    REQUIRE(actions.install);
    CHECK(actions.install->reference == round.value);
    CHECK(actions.install->spent == Spent::frozen);
    CHECK(driver.core.reference() == round.value);
    CHECK(driver.core.roster() == peers({0, 1, 2, 3}));
    CHECK(actions.heartbeat_now);
    const Event* committed = find_event(actions, "round_committed");
    REQUIRE(committed != nullptr);
    CHECK(std::get<std::int64_t>(*committed->find("steps")) == 12);
    CHECK(std::get<std::string>(*committed->find("digest")) == round.value->id.digest.hex());
}

TEST_CASE("a complete round is no warning, and names no peer as missing", "[node_core_round]") {
    PreparedRound round;
    CoreDriver& driver = round.driver;
    driver.hear(2, driver.agreeing(round.prepared()));
    const Actions actions = driver.hear(3, driver.agreeing(round.prepared()));
    const Event* committed = find_event(actions, "round_committed");
    REQUIRE(committed != nullptr);
    CHECK(committed->level == Level::info);
    CHECK(std::get<Names>(*committed->find("missing")).empty());
    CHECK(committed->message == "4 of 4 peers averaged their models: reference 1 is in force");
}

TEST_CASE("a round that lacks peers is a warning that names them", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2, 3}));
    driver.commit_a_round();
    driver.info(3).live = false;
    driver.info(3).name = "node-d";
    const std::string known = "node-d (" + peer(3).id.fingerprint() + ")";
    SECTION("by name") {}
    SECTION("by the fingerprint alone if they are forgotten") {
        driver.view.peers.pop_back();
    }
    driver.look();
    const bool named = driver.view.peers.size() == 3;
    const std::string missing = named ? known : peer(3).id.fingerprint();
    const Actions actions = commit_with_present(driver);
    const Event* committed = find_event(actions, "round_committed");
    REQUIRE(committed != nullptr);
    CHECK(committed->level == Level::warning);
    CHECK(std::get<Names>(*committed->find("missing")) == Names{missing});
    CHECK(std::get<std::int64_t>(*committed->find("expected")) == 4);
    CHECK(committed->message ==
          "3 of 4 peers averaged their models: reference 2 is in force; missing: " + missing);
    // The next round is without peer 3 by right.
    const Actions next = commit_with_present(driver);
    committed = find_event(next, "round_committed");
    REQUIRE(committed != nullptr);
    CHECK(committed->level == Level::info);
    CHECK(std::get<std::int64_t>(*committed->find("expected")) == 3);
}

TEST_CASE("a newcomer does not stand in for a missing peer", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2, 3}));
    driver.commit_a_round();
    driver.info(3).live = false;
    driver.view.peers.push_back(driver.info_of(peer(4)));
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    driver.look();
    const Actions actions = commit_with_present(driver);
    const Event* committed = find_event(actions, "round_committed");
    REQUIRE(committed != nullptr);
    CHECK(std::get<std::int64_t>(*committed->find("expected")) == 5);
    CHECK(std::get<Names>(*committed->find("missing")) == Names{peer(3).id.fingerprint()});
    CHECK(committed->level == Level::warning);
}

TEST_CASE("a peer that lives again is not missing", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2, 3}));
    driver.commit_a_round();
    driver.info(3).member = peer(3, 2);
    driver.look();
    const Actions actions = commit_with_present(driver);
    const Event* committed = find_event(actions, "round_committed");
    REQUIRE(committed != nullptr);
    CHECK(std::get<Names>(*committed->find("missing")).empty());
    CHECK(std::get<std::int64_t>(*committed->find("expected")) == 4);
}

TEST_CASE("half of the last roster is enough to commit with its first member only",
          "[node_core_round]") {
    CoreDriver first = driver_of(0, peers({1, 2, 3}));
    first.commit_a_round();
    first.step(1, 100);
    Actions agreed = first.agree();
    ReferencePointer value = first.next_value(2);
    first.exchange_done(*agreed.start_exchange, value);
    const auto prepared = [&value](const CoreDriver& driver) {
        return Prepared{driver.core.round()->ballot(), value->id.digest,
                        driver.core.round()->members()};
    };
    CHECK(first.hear(3, first.agreeing(prepared(first))).install);

    CoreDriver second = driver_of(1, peers({0, 2, 3}));
    second.commit_a_round();
    second.step(1, 100);
    agreed = second.agree();
    value = second.next_value(2);
    second.exchange_done(*agreed.start_exchange, value);
    CHECK_FALSE(second.hear(3, second.agreeing(prepared(second))).install);
    CHECK(second.hear(2, second.agreeing(prepared(second))).install);
}

TEST_CASE("another value, another ballot and other sets acknowledge nothing", "[node_core_round]") {
    PreparedRound round;
    CoreDriver& driver = round.driver;
    Prepared wrong = round.prepared();
    wrong.digest = {7, 7};
    driver.hear(1, driver.agreeing(wrong));
    wrong = round.prepared();
    ++wrong.ballot.set_size;
    driver.hear(2, driver.agreeing(wrong));
    driver.hear(3, driver.agreeing(round.prepared()));
    CHECK(driver.core.round());
    CHECK(driver.core.reference()->epoch == Epoch(0));
}

TEST_CASE("a result of another exchange is not prepared", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    ExchangeOrder order = *driver.agree().start_exchange;
    order.key.sets.low += 1;
    CHECK_FALSE(driver.exchange_done(order, driver.next_value()).prepared);
    CHECK_FALSE(driver.core.round()->prepared());
}

TEST_CASE("a value of another roster that may be committed is finished", "[node_core_round]") {
    // Peers 1 and 2 have prepared without 0; then 0 came in, so the sets have grown.
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    const ReferencePointer value = driver.next_value(3);
    const Prepared theirs{{Attempt(0), 2}, value->id.digest, peers({1, 2})};
    driver.hear(1, driver.agreeing(theirs));
    const Actions actions = driver.hear(2, driver.agreeing(theirs));
    CHECK_FALSE(actions.start_exchange);
    REQUIRE(actions.pull);
    CHECK(actions.pull->wanted == value->id);
    CHECK(actions.pull->source == peer(1).id);
    // Asked for once; then prepared in this ballot, with the roster it was made by.
    CHECK_FALSE(driver.hear(2, driver.agreeing(theirs)).pull);
    driver.core.on_pulled(value, driver.now);
    const Actions pulled = driver.core.take_actions(driver.now);
    CHECK(pulled.prepared == value);
    const Prepared mine{driver.core.round()->ballot(), value->id.digest, peers({1, 2})};
    CHECK(published<RoundState>(pulled)->prepared == mine);
    // Committed, it does not hold this peer's contribution.
    const Actions committed = driver.hear(2, driver.agreeing(mine));
    REQUIRE(committed.install);
    CHECK(committed.install->spent == Spent::nothing);
    CHECK(driver.core.roster() == peers({1, 2}));
}

TEST_CASE("of values of other rosters the highest ballot's is finished", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    const ReferencePointer low = driver.next_value(3);
    const ReferencePointer high = driver.next_value(4);
    driver.hear(1, driver.agreeing(Prepared{{Attempt(0), 1}, low->id.digest, peers({1, 2})}));
    const Actions actions =
        driver.hear(2, driver.agreeing(Prepared{{Attempt(0), 2}, high->id.digest, peers({0, 2})}));
    REQUIRE(actions.pull);
    CHECK(actions.pull->wanted == high->id);
    CHECK(actions.pull->source == peer(2).id);
}

TEST_CASE("an own value is prepared again when the sets grow", "[node_core_round]") {
    PreparedRound round;
    CoreDriver& driver = round.driver;
    const Ballot before = round.prepared().ballot;
    RoundState grown = driver.agreeing();
    grown.sets.accusations = {{peer(1), peer(3)}};
    driver.hear(1, grown);
    // Only once the new sets are agreed upon, by a roster that is another one now.
    CHECK(driver.core.round()->prepared()->ballot == before);
    CHECK(driver.core.round()->members() == peers({0, 1, 2}));
    const Actions actions = driver.hear(2, driver.agreeing());
    CHECK_FALSE(actions.start_exchange);
    CHECK(driver.core.round()->prepared()->ballot > before);
    CHECK(driver.core.round()->prepared()->roster == peers({0, 1, 2, 3}));
    CHECK(driver.core.round()->prepared()->digest == round.value->id.digest);
}

// --- faults -----------------------------------------------------------------------------------

TEST_CASE("a member that is lost is accused, and a smaller roster goes on", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    REQUIRE(driver.agree().start_exchange);
    driver.info(2).live = false;
    const Actions lost = driver.look();
    CHECK(lost.abort_exchange);
    CHECK(published<RoundState>(lost)->sets.accusations ==
          std::vector<Accusation>{{peer(0), peer(2)}});
    const Actions again = driver.hear(1, driver.agreeing());
    REQUIRE(again.start_exchange);
    CHECK(again.start_exchange->roster == peers({0, 1}));
    const Event* restarted = find_event(again, "round_restarted");
    REQUIRE(restarted != nullptr);
    CHECK(std::get<std::vector<std::string>>(*restarted->find("suspects")) ==
          std::vector{peer(2).id.fingerprint()});
    // The contribution frozen for the first try is sent again.
    CHECK_FALSE(lost.freeze);
    CHECK_FALSE(again.freeze);
}

TEST_CASE("a member that does not join in time is accused", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    driver.hear(1, driver.agreeing());
    pass(driver, 2s);
    driver.tick();
    CHECK(driver.core.round()->sets().accusations.empty());
    pass(driver, 1us);
    driver.tick();
    CHECK(driver.core.round()->sets().accusations == std::vector<Accusation>{{peer(0), peer(2)}});
}

TEST_CASE("a peer outside the roster accuses no member", "[node_core_round]") {
    CoreDriver driver = driver_of(2, peers({0, 1}));
    RoundState call = driver.call_of(peers({0, 1, 2}));
    call.sets.accusations = {{peer(0), peer(2)}};
    driver.hear(0, call);
    REQUIRE_FALSE(driver.core.round()->is_member());
    driver.info(1).live = false;
    pass(driver, 10s);
    driver.look();
    CHECK(driver.core.round()->sets().accusations == call.sets.accusations);
}

TEST_CASE("without a quorum among the members nothing is exchanged", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2, 3, 4}));
    driver.commit_a_round();
    for (const int lost : {2, 3, 4}) driver.info(lost).live = false;
    driver.look();
    driver.hear(1, driver.call_of(peers({0, 1})));
    REQUIRE(driver.core.round()->members() == peers({0, 1}));
    CHECK_FALSE(driver.hear(1, driver.agreeing()).start_exchange);
    // One more is enough.
    RoundState third = driver.agreeing();
    third.sets.candidates = peers({0, 1, 4});
    driver.hear(4, third);
    CHECK(driver.hear(1, driver.agreeing()).start_exchange);
}

TEST_CASE("an attempt without progress is given up for the next", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    driver.hear(1, driver.agreeing());
    driver.hear(2, driver.agreeing());
    // The largest timeout of a live peer counts, at least the default.
    const Duration patience = limits::kAttemptSuspicionTimes * limits::kSuspicionTimeoutDefault;
    pass(driver, patience);
    driver.tick();
    CHECK(driver.core.round()->attempt() == Attempt(0));
    driver.core.on_exchange_progress(driver.now);
    pass(driver, patience);
    driver.tick();
    CHECK(driver.core.round()->attempt() == Attempt(0));
    pass(driver, 1us);
    const Actions actions = driver.tick();
    CHECK(driver.core.round()->attempt() == Attempt(1));
    CHECK(driver.core.round()->target() == Epoch(1));
    CHECK(actions.abort_exchange);
    CHECK(find_event(actions, "round_restarted") != nullptr);
    CHECK_FALSE(actions.freeze);
    CHECK(published<RoundState>(actions)->attempt == Attempt(1));
}

TEST_CASE("a new attempt starts with fresh sets, and keeps what was prepared and excluded",
          "[node_core_round]") {
    PreparedRound round;
    CoreDriver& driver = round.driver;
    const Prepared prepared = round.prepared();
    driver.core.on_unusable_contribution(peer(3), "not finite", driver.now);
    RoundState grown = driver.agreeing();
    grown.sets.accusations = {{peer(1), peer(2)}};
    driver.hear(1, grown);
    driver.hear(1, driver.call_of(peers({0, 1}), Attempt(1)));
    CHECK(driver.core.round()->attempt() == Attempt(1));
    CHECK(driver.core.round()->sets().candidates == peers({0, 1, 2, 3}));
    CHECK(driver.core.round()->sets().accusations.empty());
    CHECK(driver.core.round()->sets().excluded == peers({3}));
    CHECK(driver.core.round()->prepared() == prepared);
}

TEST_CASE("no peer acts for a lower attempt again", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.hear(1, driver.call_of(peers({0, 1, 2}), Attempt(2)));
    RoundState old = driver.call_of(peers({0, 1, 2, 7}), Attempt(1));
    CHECK(driver.hear(2, old).publish.empty());
    CHECK(driver.core.round()->attempt() == Attempt(2));
    CHECK(driver.core.round()->sets().candidates == peers({0, 1, 2}));
    CHECK_FALSE(driver.core.round()->has_heard(peer(2)));
}

TEST_CASE("an unusable contribution puts its sender out of the round", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    driver.step(1, 100);
    driver.agree();
    driver.core.on_unusable_contribution(peer(2), "not finite", driver.now);
    const Actions actions = driver.core.take_actions(driver.now);
    CHECK(actions.abort_exchange);
    CHECK(published<RoundState>(actions)->sets.excluded == peers({2}));
    const Event* refused = find_event(actions, "contribution_refused");
    REQUIRE(refused != nullptr);
    CHECK(std::get<std::string>(*refused->find("reason")) == "not finite");
    CHECK(driver.hear(1, driver.agreeing()).start_exchange->roster == peers({0, 1}));
    // Told once.
    driver.core.on_unusable_contribution(peer(2), "not finite", driver.now);
    CHECK(driver.core.take_actions(driver.now).events.empty());
}

TEST_CASE("an open round says repeatedly where it stands", "[node_core_round]") {
    CoreDriver driver = driver_of(0, peers({1, 2}));
    CHECK(driver.step(1, 100).next_tick == driver.now + limits::kRoundTick);
    pass(driver, limits::kRoundWordInterval - 1us);
    CHECK_FALSE(driver.tick().heartbeat_now);
    pass(driver, 1us);
    CHECK(driver.tick().heartbeat_now);
    CHECK_FALSE(driver.tick().heartbeat_now);
}

}  // namespace dynavg::protocol
