#include "daemon/doors/door_record.hpp"

#include <string>

#include <fmt/format.h>
#include <zmq.h>

#include "tests/catch.hpp"

namespace dynavg::daemon {

namespace {

using Catch::Matchers::Contains;

constexpr DoorEvent kSilent{ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL, 0};
constexpr DoorEvent kNoProtocol{ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL,
                                ZMQ_PROTOCOL_ERROR_ZMTP_UNSPECIFIED};

DoorEvent accepted(int descriptor) {
    return {ZMQ_EVENT_ACCEPTED, descriptor};
}
DoorEvent disconnected(int descriptor) {
    return {ZMQ_EVENT_DISCONNECTED, descriptor};
}
std::string address(int descriptor) {
    return fmt::format("10.0.0.{}", descriptor);
}

/// As the watch does it while nothing happens.
void ask(DoorRecord& record) {
    CHECK(record.ask_addresses());
    record.trust_addresses();
    CHECK_FALSE(record.ask_addresses());
}

}  // namespace

TEST_CASE("A connection that fails in the handshake is a stranger's, named by its address",
          "[doors]") {
    DoorRecord record(Door::gossip, address);
    CHECK_FALSE(record.take(accepted(7)));
    CHECK_FALSE(record.take(accepted(8)));
    ask(record);
    CHECK_FALSE(record.take(kNoProtocol));
    const auto stranger = record.take(disconnected(8));
    REQUIRE(stranger);
    CHECK(stranger->door == Door::gossip);
    CHECK(stranger->address == "10.0.0.8");
    CHECK_FALSE(stranger->may_be_harmless);
    CHECK_THAT(told(*stranger).message,
               Contains("from 10.0.0.8 to the gossip port was closed: it does not speak"));
}

TEST_CASE("A connection that says nothing may be a peer's that ends", "[doors]") {
    DoorRecord record(Door::direct, address);
    CHECK_FALSE(record.take(accepted(7)));
    ask(record);
    CHECK_FALSE(record.take(kSilent));
    const auto stranger = record.take(disconnected(7));
    REQUIRE(stranger);
    CHECK(stranger->may_be_harmless);
    CHECK(told(*stranger).level == protocol::Level::info);
}

TEST_CASE("A connection that shows a key is not named as a stranger's", "[doors]") {
    DoorRecord record(Door::direct, address);
    CHECK_FALSE(record.take(accepted(7)));
    ask(record);
    CHECK_FALSE(record.take({ZMQ_EVENT_HANDSHAKE_FAILED_AUTH, 300}));
    CHECK_FALSE(record.take(disconnected(7)));
    // Nothing of it is left for the next one.
    CHECK_FALSE(record.take(accepted(7)));
    CHECK(record.take(disconnected(7)));
}

TEST_CASE(
    "A connection that ends without a word of ZeroMQ's is a stranger's, unless it may have come in",
    "[doors]") {
    DoorRecord record(Door::direct, address);
    CHECK_FALSE(record.take(accepted(7)));
    const auto stranger = record.take(disconnected(7));
    REQUIRE(stranger);
    CHECK_THAT(stranger->reason, Contains("does not speak ZeroMQ's protocol"));
    CHECK_FALSE(record.take(accepted(7)));
    CHECK_FALSE(record.take(accepted(8)));
    CHECK_FALSE(record.take({ZMQ_EVENT_HANDSHAKE_SUCCEEDED, 0}));
    CHECK_FALSE(record.take(accepted(9)));
    CHECK_FALSE(record.take(disconnected(7)));
    CHECK_FALSE(record.take(disconnected(8)));
    CHECK(record.take(disconnected(9)));
}

TEST_CASE("Keys that do not fit are told as such", "[doors]") {
    DoorRecord record(Door::bulk, address);
    CHECK_FALSE(
        record.take({ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_CRYPTOGRAPHIC}));
    CHECK_THAT(record.take(disconnected(7))->reason, Contains("another key"));
    CHECK_FALSE(record.take(
        {ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL, ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH}));
    CHECK_THAT(record.take(disconnected(7))->reason, Contains("without a key"));
}

TEST_CASE("An address that may be another connection's is not told", "[doors]") {
    DoorRecord record(Door::direct, address);
    // Gone before anybody asked.
    CHECK_FALSE(record.take(accepted(7)));
    CHECK_FALSE(record.take(kNoProtocol));
    CHECK(record.take(disconnected(7))->address.empty());
    // Asked, but its end may have come first.
    CHECK_FALSE(record.take(accepted(7)));
    CHECK(record.ask_addresses());
    CHECK_FALSE(record.take(kNoProtocol));
    const auto stranger = record.take(disconnected(7));
    REQUIRE(stranger);
    CHECK(stranger->address.empty());
    CHECK_THAT(told(*stranger).message, Contains("from an unknown address, gone at once,"));
    record.trust_addresses();
    // The next one with that descriptor is asked for anew.
    CHECK_FALSE(record.take(accepted(7)));
    ask(record);
}

}  // namespace dynavg::daemon
