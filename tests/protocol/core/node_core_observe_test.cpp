#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "protocol/exchange/reference_holder.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

// An observer: it follows the reference, and has no say in it.

namespace dynavg::protocol {

namespace {

CoreDriver observer_of(const Roster& members, AveragingSettings averaging = norm_settings()) {
    return CoreDriver({.self = 9,
                       .averaging = averaging,
                       .others = members,
                       .start_peers = 2,
                       .role = Role::observer});
}

ReferencePointer reference_at(const CoreDriver& driver, std::uint32_t epoch, float value = 5) {
    return make_next_reference(*driver.initial, Epoch(epoch), {value, value, value, value});
}

/// Peer 1 has this reference, of these members, straight after the observer's own.
Actions follow(CoreDriver& driver, const ReferencePointer& reference, const Roster& members) {
    driver.hear_heartbeat_at(reference->id, 1);
    const HistoryEntry own = driver.core.history().last();
    driver.hear_at(reference->id, peer(1), HistoryReply{{own, {reference->id, members}}});
    driver.core.on_pulled(reference, driver.now);
    return driver.core.take_actions(driver.now);
}

}  // namespace

TEST_CASE("an observer pulls what members have committed", "[node_core_observe]") {
    CoreDriver driver = observer_of(peers({1, 2}));
    for (const std::uint32_t epoch : {1U, 2U}) {
        const ReferencePointer next = reference_at(driver, epoch);
        const Actions asked = driver.hear_heartbeat_at(next->id, 2);
        CHECK(sent<HistoryRequest>(asked, 2));
        const HistoryEntry own = driver.core.history().last();
        const Actions pulls =
            driver.hear_at(next->id, peer(2), HistoryReply{{own, {next->id, peers({1, 2})}}});
        REQUIRE(pulls.pull);
        CHECK(pulls.pull->source == peer(2).id);
        driver.core.on_pulled(next, driver.now);
        const Actions installs = driver.core.take_actions(driver.now);
        REQUIRE(installs.install);
        CHECK(installs.install->reference == next);
        CHECK(installs.install->spent == Spent::nothing);
        CHECK(installs.heartbeat_now);
        driver.installed();
    }
}

TEST_CASE("where one source is silent, an observer asks another", "[node_core_observe]") {
    CoreDriver driver = observer_of(peers({1, 2}));
    const ReferencePointer next = reference_at(driver, 1);
    CHECK(sent<HistoryRequest>(driver.hear_heartbeat_at(next->id, 1), 1));
    CHECK(driver.hear_heartbeat_at(next->id, 2).send.empty());
    driver.now += limits::kPullTimeout + 1ms;
    CHECK(driver.tick().abort_pull);
    CHECK(sent<HistoryRequest>(driver.hear_heartbeat_at(next->id, 2), 2));
}

TEST_CASE("an observer says nothing to a round and does no step", "[node_core_observe]") {
    CoreDriver driver = observer_of(peers({1, 2}));
    const RoundState call = driver.call_of(peers({1, 2}));
    Actions actions = driver.hear(1, call);
    CHECK_FALSE(driver.core.round());
    CHECK(actions.publish.empty());
    CHECK_FALSE(actions.freeze);
    CHECK(driver.hear(1, RoundRequest{}).send.empty());
    CHECK(driver.hear(1, StateRequest{1, false}).send.empty());
    CHECK(driver.hear_state(1, 1, 1000).publish.empty());
    CHECK(driver.hear_state(2, 1, 1000).publish.empty());
    Heartbeat heartbeat;
    heartbeat.reference_digest = driver.initial->id.digest;
    heartbeat.round = RoundStatus{Epoch(1), Attempt(0), {3, 4}, 1};
    CHECK(driver.hear(1, heartbeat).send.empty());
    driver.now += 1h;
    actions = driver.tick();
    CHECK(actions.publish.empty());
    CHECK(actions.send.empty());
    CHECK(actions.allowed_steps == 0);
    // Prepared values are no references yet: it waits for the commit.
    const ReferencePointer next = reference_at(driver, 1);
    RoundState prepared = call;
    prepared.prepared = Prepared{{Attempt(0), 2}, next->id.digest, peers({1, 2})};
    CHECK_FALSE(driver.hear(1, prepared).install);
    CHECK(driver.core.reference() == driver.initial);
}

TEST_CASE("an observer leaves at once, sets no threshold and acknowledges no departure",
          "[node_core_observe]") {
    CoreDriver driver = observer_of(peers({1, 2}));
    follow(driver, reference_at(driver, 1), peers({1, 2}));
    driver.installed();
    CHECK(driver.core.may_leave());
    CHECK_FALSE(driver.core.set_threshold(3, 1000, driver.now).has_value());
    CHECK_FALSE(driver.core.forget(peer(2).id, driver.now));
    // Nor does it join others that do.
    Heartbeat heartbeat;
    heartbeat.reference_digest = driver.core.reference()->id.digest;
    heartbeat.departed = {peer(2).id};
    driver.hear(1, heartbeat);
    driver.info(2).live = false;
    driver.look();
    CHECK_FALSE(driver.tick().write_promise);
    Heartbeat own;
    driver.core.describe(own);
    CHECK(own.departed.empty());
    CHECK_FALSE(own.round);
}

TEST_CASE("an observer's life is on disk before anything else, and it goes on from there",
          "[node_core_observe]") {
    const CoreDriver first = observer_of(peers({1, 2}));
    const ReferencePointer kept = reference_at(first, 3);
    RestoredCore restored;
    restored.reference = kept;
    restored.history = {{first.initial->id, {}}, {kept->id, peers({1, 2})}};
    restored.promise.emplace();
    restored.promise->incarnation = restored.promise->remembers = Incarnation(4);
    restored.promise->target = Epoch(4);
    restored.promise->attempt = Attempt(2);
    NodeCoreOptions options;
    options.self = peer(9, 5);
    options.averaging = norm_settings();
    options.initial = first.initial;
    options.restored = restored;
    options.durable = true;
    options.role = Role::observer;
    NodeCore core(options);
    CHECK(core.reference() == kept);
    const auto promise = core.take_actions(first.now).write_promise;
    REQUIRE(promise);
    CHECK(promise->incarnation == Incarnation(5));
    // Its promise as a member holds on.
    CHECK(promise->remembers == Incarnation(4));
    CHECK(promise->target == Epoch(4));
    CHECK(promise->attempt == Attempt(2));
}

TEST_CASE("where its network has split, an observer stays with its side as long as that may go on",
          "[node_core_observe]") {
    AveragingSettings settings = norm_settings();
    settings.quorum = GENERATE(QuorumRule::majority, QuorumRule::none);
    CoreDriver driver = observer_of(peers({1, 2, 3, 4}), settings);
    const ReferencePointer ours = reference_at(driver, 1);
    follow(driver, ours, peers({1, 2}));
    driver.installed();
    const ReferencePointer theirs = reference_at(driver, 1, 8);
    for (const int near : {1, 2}) driver.info(near).reference = ours->id;
    for (const int far : {3, 4}) driver.info(far).reference = theirs->id;
    driver.look();
    driver.hear_heartbeat_at(theirs->id, 3);
    driver.hear_at(theirs->id, peer(3), HistoryReply{{{theirs->id, peers({3, 4})}}});
    CHECK_FALSE(driver.core.round());
    CHECK(driver.core.reference() == ours);
    // Then its own side is gone.
    for (const int near : {1, 2}) driver.info(near).live = false;
    Actions actions = driver.look();
    CHECK(sent<HistoryRequest>(actions, 3) == HistoryRequest{Epoch(0)});
    driver.hear_at(theirs->id, peer(3),
                   HistoryReply{{{driver.initial->id, {}}, {theirs->id, peers({3, 4})}}});
    driver.core.on_pulled(theirs, driver.now);
    actions = driver.core.take_actions(driver.now);
    REQUIRE(actions.install);
    CHECK(driver.core.reference() == theirs);
}

TEST_CASE("the learner of an observer is the reference", "[node_core_observe]") {
    const CoreDriver driver = observer_of(peers({1}));
    ReferenceHolder holder(driver.initial);
    const ReferencePointer next = reference_at(driver, 1);
    holder.install(next, driver.initial->values);
    std::vector<float> copy(4);
    holder.copy_contribution(copy);
    CHECK(copy == next->values);
    CHECK(holder.local_state() == LocalState{});
    CHECK(holder.restore(driver.initial, {}, {}, 7));
    holder.copy_contribution(copy);
    CHECK(copy == driver.initial->values);
}

}  // namespace dynavg::protocol
