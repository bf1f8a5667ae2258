#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// References that others have committed: adopt, re-base, and what comes early.

namespace dynavg::protocol {

namespace {

CoreDriver trio() {
    return CoreDriver({.averaging = norm_settings(), .others = peers({1, 2}), .start_peers = 3});
}

/// The references that others have committed while this peer was away.
ReferencePointer reference_at(const CoreDriver& driver, std::uint32_t epoch, float value = 5) {
    return make_next_reference(*driver.initial, Epoch(epoch), {value, value, value, value});
}

ReferenceId some_reference(std::uint32_t epoch) {
    return {Epoch(epoch), {epoch + 70, 0}};
}

/// Entries from `first` on, each of `roster`, the last one of `newest`.
HistoryReply history_of(HistoryEntry first, const Reference& newest, const Roster& roster) {
    HistoryReply reply{{std::move(first)}};
    for (std::uint32_t epoch = reply.entries[0].reference.epoch.value() + 1;
         epoch < newest.epoch.value(); ++epoch) {
        reply.entries.push_back({some_reference(epoch), roster});
    }
    reply.entries.push_back({newest.id, roster});
    return reply;
}

/// A peer is ahead; its history and its reference are pulled.
Actions adopt(CoreDriver& driver, const ReferencePointer& reference, const Roster& roster,
              int source = 1) {
    driver.hear_heartbeat_at(reference->id, source);
    driver.hear_at(reference->id, peer(source),
                   history_of(driver.core.history().last(), *reference, roster));
    driver.core.on_pulled(reference, driver.now);
    return driver.core.take_actions(driver.now);
}

/// Prepared for the first reference, in a round with peers 1 and 2.
ReferencePointer prepare(CoreDriver& driver) {
    driver.step(1, 100);
    const Actions agreed = driver.agree();
    const ReferencePointer value = driver.next_value();
    driver.exchange_done(*agreed.start_exchange, value);
    return value;
}

}  // namespace

TEST_CASE("a header that shows the prepared value committed is enough to install it",
          "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer value = prepare(driver);
    const Actions actions = driver.hear_at(value->id, peer(2), StateMessage{1, {1, {}}});
    REQUIRE(actions.install);
    CHECK(actions.install->reference == value);
    CHECK(actions.install->spent == Spent::frozen);
    CHECK(driver.core.reference() == value);
}

TEST_CASE("a header with another value of the epoch installs nothing", "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer value = prepare(driver);
    CHECK_FALSE(driver.hear_at({Epoch(1), {5, 5}}, peer(2), RoundRequest{}).install);
    CHECK_FALSE(driver.hear_at({Epoch(2), value->id.digest}, peer(2), RoundRequest{}).install);
    CHECK(driver.core.round());
}

TEST_CASE("a value that was heard to be committed is installed as soon as it is prepared",
          "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 100);
    const ExchangeOrder order = *driver.agree().start_exchange;
    const ReferencePointer value = driver.next_value();
    driver.hear_at(value->id, peer(2), RoundRequest{});
    CHECK_FALSE(driver.core.reference()->epoch == Epoch(1));
    CHECK(driver.exchange_done(order, value).install);
}

TEST_CASE("a peer that is behind asks for the history, then pulls the newest reference",
          "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer newest = reference_at(driver, 3);
    const Actions asked = driver.hear_heartbeat_at(newest->id, 1);
    CHECK(sent<HistoryRequest>(asked, 1) == HistoryRequest{Epoch(0)});
    // One pull at a time.
    CHECK(driver.hear_heartbeat_at(newest->id, 2).send.empty());
    const HistoryReply reply = history_of({driver.initial->id, {}}, *newest, peers({1, 2}));
    CHECK_FALSE(driver.hear_at(newest->id, peer(2), reply).pull);
    const Actions pulls = driver.hear_at(newest->id, peer(1), reply);
    REQUIRE(pulls.pull);
    CHECK(pulls.pull->wanted == newest->id);
    CHECK(pulls.pull->source == peer(1).id);
    driver.core.on_pulled(newest, driver.now);
    const Actions installs = driver.core.take_actions(driver.now);
    REQUIRE(installs.install);
    CHECK(installs.install->reference == newest);
    CHECK(find_event(installs, "adopted") != nullptr);
    CHECK(driver.core.reference() == newest);
    CHECK(driver.core.roster() == peers({1, 2}));
    CHECK(driver.core.history().holds(some_reference(2)));
    CHECK(driver.hear_heartbeat_at(newest->id, 2).send.empty());
}

TEST_CASE("a peer that asks is told the history", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.commit_a_round();
    driver.commit_a_round(2);
    const auto told = sent<HistoryReply>(driver.hear(1, HistoryRequest{Epoch(1)}), 1);
    REQUIRE(told);
    CHECK(told->entries == driver.core.history().since(Epoch(1)));
    REQUIRE(told->entries.size() == 2);
    CHECK(told->entries[1].reference == driver.core.reference()->id);
    CHECK(told->entries[1].roster == peers({0, 1, 2}));
}

TEST_CASE("references of the past and epoch 0 are nothing to pull", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.commit_a_round();
    const ReferenceId first = driver.core.reference()->id;
    driver.commit_a_round(2);
    CHECK(driver.hear_heartbeat_at(first, 1).send.empty());
    CHECK(driver.hear_heartbeat_at({Epoch(0), {8, 8}}, 1).send.empty());
}

TEST_CASE("another reference of an epoch that is past is a fork, told once", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.commit_a_round();
    const Actions actions = driver.hear_heartbeat_at({Epoch(1), {8, 8}}, 1);
    CHECK(find_event(actions, "fork_detected") != nullptr);
    // It asks for the voters behind it.
    CHECK(sent<HistoryRequest>(actions, 1) == HistoryRequest{Epoch(1)});
    CHECK(driver.hear_heartbeat_at({Epoch(1), {8, 8}}, 1).events.empty());
}

TEST_CASE("a history that this peer's reference is not in is a fork, not a way forward",
          "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.commit_a_round();
    const ReferencePointer newest = reference_at(driver, 4);
    driver.hear_heartbeat_at(newest->id, 1);
    const Actions actions =
        driver.hear_at(newest->id, peer(1),
                       history_of({{Epoch(1), {8, 8}}, peers({1, 2})}, *newest, peers({1, 2})));
    CHECK_FALSE(actions.pull);
    CHECK(find_event(actions, "fork_detected") != nullptr);
    CHECK(driver.core.reference()->epoch == Epoch(1));
}

TEST_CASE("a pull that fails or stalls is tried again", "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer newest = reference_at(driver, 2);
    const HistoryReply reply = history_of({driver.initial->id, {}}, *newest, peers({1, 2}));
    driver.hear_heartbeat_at(newest->id, 1);
    driver.hear_at(newest->id, peer(1), reply);
    driver.core.on_pull_failed({"digest wrong"}, driver.now);
    CHECK(find_event(driver.core.take_actions(driver.now), "pull_failed") != nullptr);
    CHECK(sent<HistoryRequest>(driver.hear_heartbeat_at(newest->id, 2), 2));
    // Progress keeps it waiting, silence does not.
    driver.now += limits::kPullTimeout;
    driver.core.on_exchange_progress(driver.now);
    driver.now += limits::kPullTimeout;
    driver.tick();
    CHECK(driver.hear_heartbeat_at(newest->id, 1).send.empty());
    driver.now += 1us;
    driver.tick();
    CHECK(sent<HistoryRequest>(driver.hear_heartbeat_at(newest->id, 1), 1));
}

TEST_CASE("while behind a peer neither calls a round nor joins one", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.hear_heartbeat_at(some_reference(2), 1);
    CHECK_FALSE(driver.step(1, 100).freeze);
    CHECK_FALSE(driver.hear(2, driver.call_of(peers({0, 2}))).freeze);
}

TEST_CASE("an exchange that makes progress is not dropped for a pull", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 100);
    REQUIRE(driver.agree().start_exchange);
    const ReferencePointer value = driver.next_value();
    CHECK(driver.hear_heartbeat_at(value->id, 1).send.empty());
    driver.now += limits::kPullTimeout;
    CHECK(sent<HistoryRequest>(driver.hear_heartbeat_at(value->id, 1), 1));
}

// --- re-base ----------------------------------------------------------------------------------

TEST_CASE("the frozen part is spent if the roster of its epoch held this peer",
          "[node_core_adopt]") {
    for (const std::uint32_t epoch : {1U, 2U, 5U}) {
        CAPTURE(epoch);
        CoreDriver driver = trio();
        driver.step(1, 100);
        const Actions actions = adopt(driver, reference_at(driver, epoch), peers({0, 1, 2}));
        REQUIRE(actions.install);
        CHECK(actions.install->spent == Spent::frozen);
    }
}

TEST_CASE("the frozen part is kept if that roster did not hold this peer", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 100);
    CHECK(adopt(driver, reference_at(driver, 2), peers({1, 2})).install->spent == Spent::nothing);
    // Another life of this peer is not this peer.
    CoreDriver restarted = trio();
    restarted.step(1, 100);
    CHECK(adopt(restarted, reference_at(restarted, 2), {peer(0, 2), peer(1)}).install->spent ==
          Spent::nothing);
}

TEST_CASE("without a freeze nothing is spent", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 1);
    CHECK(adopt(driver, reference_at(driver, 1), peers({0, 1, 2})).install->spent ==
          Spent::nothing);
}

TEST_CASE("in a roster later than that of the freeze nothing is spent", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 100);
    const ReferencePointer newest = reference_at(driver, 2);
    driver.hear_heartbeat_at(newest->id, 1);
    driver.hear_at(newest->id, peer(1),
                   HistoryReply{{{driver.initial->id, {}},
                                 {some_reference(1), peers({1, 2})},
                                 {newest->id, peers({0, 1, 2})}}});
    driver.core.on_pulled(newest, driver.now);
    CHECK(driver.core.take_actions(driver.now).install->spent == Spent::nothing);
}

TEST_CASE("after an install the next round freezes anew", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 100);
    REQUIRE(adopt(driver, reference_at(driver, 1), peers({1, 2})).install);
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    driver.look();
    CHECK(driver.step(2, 100).freeze == Epoch(2));
}

TEST_CASE("until the trainer has moved, nothing is decided on its drift", "[node_core_adopt]") {
    CoreDriver driver = trio();
    driver.step(1, 1);  // Kept: nothing was frozen.
    adopt(driver, reference_at(driver, 1), peers({1, 2}));
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    CHECK_FALSE(driver.look().freeze);
    CHECK_FALSE(driver.hear_state(1, 1, 1000).freeze);
    CHECK(driver.installed(1).freeze == Epoch(2));
}

TEST_CASE("a report under the previous reference is not counted", "[node_core_adopt]") {
    CoreDriver driver = trio();
    adopt(driver, reference_at(driver, 1), peers({1, 2}));
    StepReport report;
    report.reference = driver.initial->id;
    report.steps = report.steps_since_reference = 9;
    report.state = LocalState{1000, {}};
    driver.core.on_step(report, driver.now);
    CHECK_FALSE(driver.core.take_actions(driver.now).freeze);
    CHECK_FALSE(driver.core.last_estimate());
}

// --- early messages ---------------------------------------------------------------------------

TEST_CASE("a state of the next epoch counts after the install", "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer value = reference_at(driver, 1);
    driver.hear_at(value->id, peer(2), StateMessage{1, {12, {}}});
    adopt(driver, value, peers({1, 2}));
    for (PeerInfo& other : driver.view.peers) other.reference = value->id;
    driver.look();
    driver.installed();
    driver.step(1, 0);
    REQUIRE(driver.core.last_estimate());
    CHECK(driver.core.last_estimate()->states == 2);
    CHECK(driver.core.last_estimate()->bound == Approx(4));
}

TEST_CASE("a call of the next epoch's round is joined right after the install",
          "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer value = prepare(driver);
    RoundState call = driver.call_of(peers({0, 1, 2}));
    call.target = Epoch(2);
    call.reference = value->id;
    // The call's header commits the value, too: both happen in one turn.
    const Actions actions = driver.hear_at(value->id, peer(2), call);
    REQUIRE(actions.install);
    CHECK(actions.freeze == Epoch(2));
    CHECK(driver.core.round()->target() == Epoch(2));

    CoreDriver later = trio();
    const ReferencePointer pulled = reference_at(later, 1);
    call.reference = pulled->id;
    CHECK_FALSE(later.hear_at(pulled->id, peer(2), call).freeze);
    CHECK(adopt(later, pulled, peers({1, 2}), 2).freeze == Epoch(2));
}

TEST_CASE("early messages of strangers, and of another reference, come to nothing",
          "[node_core_adopt]") {
    CoreDriver driver = trio();
    const ReferencePointer value = reference_at(driver, 1);
    driver.hear_at(value->id, peer(9), StateMessage{1, {1000, {}}});
    driver.hear_at({Epoch(1), {8, 8}}, peer(2), StateMessage{1, {1000, {}}});
    adopt(driver, value, peers({1, 2}));
    for (PeerInfo& other : driver.view.peers) other.reference = value->id;
    driver.look();
    driver.installed();
    driver.step(1, 0);
    CHECK(driver.core.last_estimate()->states == 1);
}

}  // namespace dynavg::protocol
