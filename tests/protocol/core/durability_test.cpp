#include "protocol/core/durability.hpp"

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

constexpr Epoch kTarget{7};

Promise promise_of(std::uint32_t life, Attempt attempt) {
    Promise promise;
    promise.incarnation = promise.remembers = Incarnation(life);
    promise.target = kTarget;
    promise.attempt = attempt;
    return promise;
}

PreparedRecord record_of(std::uint32_t set_size) {
    const ReferencePointer initial = make_initial_reference({2, 0, false}, {0, 0}, 5, 1);
    const ReferencePointer value = make_next_reference(*initial, kTarget, {1, 1});
    return {Prepared{{Attempt(0), set_size}, value->id.digest, peers({0, 1})}, value};
}

}  // namespace

TEST_CASE("with a disk a peer may speak once its promise is written", "[durability]") {
    Durability durability(peer(0), Disk::kept);
    const auto order = durability.order_promise(kTarget, Attempt(2), {peer(3).id});
    REQUIRE(order);
    CHECK(order->target == kTarget);
    CHECK(order->attempt == Attempt(2));
    CHECK(order->departed == std::vector<PeerId>{peer(3).id});
    CHECK_FALSE(durability.may_speak_in(kTarget, Attempt(2)));
    durability.on_promise_written(*order);
    CHECK(durability.may_speak_in(kTarget, Attempt(2)));
    CHECK_FALSE(durability.may_speak_in(kTarget, Attempt(1)));
    CHECK_FALSE(durability.may_speak_in(kTarget.next(), Attempt(2)));
}

TEST_CASE("without a disk a promise counts at once", "[durability]") {
    Durability durability(peer(0), Disk::none);
    CHECK_FALSE(durability.order_promise(kTarget, Attempt(2), {}));
    CHECK(durability.may_speak_in(kTarget, Attempt(2)));
}

TEST_CASE("a restarted peer speaks above the attempts of its earlier life", "[durability]") {
    Durability durability(peer(0, 2), Disk::kept);
    durability.restore(promise_of(1, Attempt(4)), std::nullopt);
    CHECK_FALSE(durability.may_speak_in(kTarget, Attempt(4)));
    CHECK(durability.attempt_above_earlier_life(kTarget, Attempt(0)) == Attempt(5));
    CHECK(durability.attempt_above_earlier_life(kTarget, Attempt(9)) == Attempt(9));
    CHECK(durability.attempt_above_earlier_life(kTarget.next(), Attempt(0)) == Attempt(0));
    CHECK(durability.self().remembers == Incarnation(1));
    SECTION("a promise outside a round keeps the earlier one") {
        CHECK(durability.order_promise(kTarget, std::nullopt, {})->attempt == Attempt(4));
        CHECK(durability.order_promise(kTarget.next(), std::nullopt, {})->attempt == Attempt(0));
    }
    SECTION("its own promise ends that") {
        durability.on_promise_written(*durability.order_promise(kTarget, Attempt(5), {}));
        CHECK(durability.attempt_above_earlier_life(kTarget, Attempt(0)) == Attempt(0));
        CHECK(durability.self().remembers == Incarnation(1));
    }
}

TEST_CASE("a prepared value is written when the last order is reported", "[durability]") {
    Durability durability(peer(0), Disk::kept);
    const PreparedRecord first = durability.order_prepared(record_of(3));
    const PreparedRecord second = durability.order_prepared(record_of(4));
    CHECK_FALSE(durability.on_prepared_written(first.prepared));
    REQUIRE(durability.preparing());
    const auto written = durability.on_prepared_written(second.prepared);
    REQUIRE(written);
    CHECK(written->prepared == second.prepared);
    CHECK_FALSE(durability.preparing());
    SECTION("a dropped value completes nothing") {
        const PreparedRecord third = durability.order_prepared(record_of(5));
        durability.drop_preparing();
        CHECK_FALSE(durability.on_prepared_written(third.prepared));
    }
}

TEST_CASE("a value that an earlier life has prepared counts for its target, under its reference",
          "[durability]") {
    Durability durability(peer(0, 2), Disk::kept);
    durability.restore(promise_of(1, Attempt(0)), record_of(3));
    CHECK(durability.prepared_before(kTarget) != nullptr);
    CHECK(durability.prepared_before(kTarget.next()) == nullptr);
    durability.on_reference();
    CHECK(durability.prepared_before(kTarget) == nullptr);
}

}  // namespace dynavg::protocol
