#include "discovery/peer_exchange.hpp"

#include "discovery/bounds.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
using dynavg::protocol::RandomPurpose;
using dynavg::protocol::RandomStream;

namespace {

LearnedAddresses learned() {
    return LearnedAddresses(RandomStream(1, RandomPurpose::jitter));
}

Actions run(LearnedAddresses& addresses, Instant now, Instant end) {
    Actions actions;
    while (std::max(addresses.next_tick(), now) <= end) {
        now = std::max(addresses.next_tick(), now);
        addresses.on_tick(now, actions);
    }
    return actions;
}

}  // namespace

TEST_CASE("an address is host:port", "[peer_exchange]") {
    for (const char* good : {"node-a.example:7400", "1.2.3.4:1", "[::1]:65535", "[fe80::1]:7400",
                             "[::ffff:1.2.3.4]:1", "a_b:80"}) {
        CAPTURE(good);
        CHECK(is_address(good));
    }
    const std::string too_long = std::string(300, 'a') + ":1";
    for (const std::string& bad :
         {std::string("a"),         std::string(":1"),        std::string("a:"),
          std::string("a:0"),       std::string("a:65536"),   std::string("a:-1"),
          std::string("a:1x"),      std::string("a: 1"),      std::string("a b:1"),
          std::string("tcp://a:1"), std::string("::1:1"),     std::string("[]:1"),
          std::string("a\n:1"),     std::string("*:1"),       std::string("[2x1m]:1"),
          std::string("[a:1]:1"),   std::string("[::1%]:1"),  std::string("[fe80::1%eth0]:7400"),
          std::string("[1:2]:1"),   std::string("[%eth0]:1"), too_long}) {
        CAPTURE(bad);
        CHECK_FALSE(is_address(bad));
    }
}

TEST_CASE("a told address is dialed a few times, then rests however often it is told",
          "[peer_exchange]") {
    LearnedAddresses addresses = learned();
    addresses.learn(id_of(1), {id_of(2), "a:1"});
    const Actions first = run(addresses, at(0s), at(1min));
    CHECK(first.dials.size() == kLearnedDialsPerAddressMax);
    CHECK(first.dials[0] == Dial{"a:1", id_of(2)});
    CHECK(first.hangups == std::vector<std::string>{"a:1"});
    addresses.learn(id_of(1), {id_of(2), "a:1"});
    CHECK(run(addresses, at(1min), at(65s)).dials.empty());
    run(addresses, at(65s), at(2min));
    CHECK(addresses.size() == 0);
    addresses.learn(id_of(1), {id_of(2), "a:1"});
    CHECK(run(addresses, at(2min), at(3min)).dials.size() == kLearnedDialsPerAddressMax);
}

TEST_CASE("one that answers rests, one that refuses is dialed slowly", "[peer_exchange]") {
    LearnedAddresses addresses = learned();
    addresses.learn(id_of(1), {id_of(2), "a:1"});
    addresses.learn(id_of(1), {id_of(3), "b:1"});
    Actions actions;
    addresses.on_tick(at(0s), actions);
    CHECK(actions.dials.size() == 2);
    addresses.rest("a:1", at(0s));
    addresses.on_refused("b:1", at(0s));
    CHECK(run(addresses, at(0s), at(40s)).dials.empty());
    CHECK(run(addresses, at(40s), at(10min)).dials.size() <= 5);
}

TEST_CASE("lying lists do not grow memory or dials", "[peer_exchange]") {
    LearnedAddresses addresses = learned();
    Actions actions;
    std::uint64_t told = 0;
    for (int second = 0; second < 600; ++second) {
        for (int i = 0; i < 100; ++i) {
            const std::string host = "x" + std::to_string(told++);
            addresses.learn(id_of(static_cast<std::size_t>(i % 5)), {id_of(told), host + ":1"});
        }
        for (int tick = 0; tick < 20; ++tick) {
            addresses.on_tick(at(second * 1s + tick * 50ms), actions);
        }
        REQUIRE(addresses.size() <= kLearnedMax);
    }
    // Eight at a time, five dials each over about 15 s: below three a second.
    CHECK(actions.dials.size() < 600 * 3);
    CHECK(actions.dials.size() > 600);
}

TEST_CASE("one teller cannot take all the room", "[peer_exchange]") {
    LearnedAddresses addresses = learned();
    for (std::size_t i = 0; i < 1000; ++i) {
        addresses.learn(id_of(1), {id_of(i), "x" + std::to_string(i) + ":1"});
    }
    CHECK(addresses.size() == kLearnedPerSourceMax);
    addresses.learn(id_of(2), {id_of(7), "honest:1"});
    CHECK(addresses.knows("honest:1"));
}

TEST_CASE("a change of an address's next dial moves the next tick", "[peer_exchange]") {
    LearnedAddresses addresses = learned();
    CHECK(addresses.next_tick() == dynavg::protocol::kNever);
    addresses.learn(id_of(1), {id_of(2), "a:1"});
    CHECK(addresses.next_tick() <= at(0s));
    Actions actions;
    addresses.on_tick(at(0s), actions);
    CHECK(addresses.next_tick() > at(0s));
    addresses.on_refused("a:1", at(1s));
    CHECK(addresses.next_tick() > at(30s));
    addresses.retry_refused(at(2s));
    CHECK(addresses.next_tick() == at(2s));
    addresses.rest("a:1", at(3s));
    CHECK(addresses.next_tick() == at(3s) + kLearnedRest);
}
