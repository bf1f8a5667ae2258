#include "daemon/transport/address.hpp"

#include "tests/catch.hpp"

using namespace dynavg::daemon;

TEST_CASE("addresses are read with and without scheme and brackets", "[address]") {
    CHECK(parse_address("tcp://0.0.0.0:7400").value() == HostPort{"0.0.0.0", 7400});
    CHECK(parse_address("node-a.example:1").value() == HostPort{"node-a.example", 1});
    CHECK(parse_address("[::1]:7400").value() == HostPort{"::1", 7400});
    CHECK(parse_address("[::1]:7400")->text() == "[::1]:7400");
}

TEST_CASE("text outside the grammar of addresses is refused with an example", "[address]") {
    for (const char* text : {"", "host", "udp://a:1", "tcp://tcp://a:1", "*:7400", "tcp://*:7400",
                             "[fe80::1%eth0]:7400"}) {
        CAPTURE(text);
        const auto address = parse_address(text);
        REQUIRE_FALSE(address);
        CHECK_THAT(address.error().message, Catch::Matchers::Contains("for example node-a"));
    }
    CHECK(parse_address(std::string(1000, 'a') + ":1").error().message.size() < 500);
}

TEST_CASE("a node binds and advertises three neighbouring ports", "[address]") {
    const auto settings = parse_bind("tcp://0.0.0.0:7400", "node-a.example:9000").value();
    CHECK(bind_address(settings, NodePort::direct) == HostPort{"0.0.0.0", 7400});
    CHECK(bind_address(settings, NodePort::bulk) == HostPort{"0.0.0.0", 7402});
    CHECK(advertised_address(settings, NodePort::gossip, 7401).text() == "node-a.example:9001");
}

TEST_CASE("without a port to advertise the bound ones are told", "[address]") {
    const auto free_port = parse_bind("tcp://127.0.0.1:0", "").value();
    CHECK(bind_address(free_port, NodePort::bulk).port == 0);
    CHECK(advertised_address(free_port, NodePort::bulk, 40001).text() == "127.0.0.1:40001");
    const auto host_only = parse_bind("tcp://127.0.0.1:0", "node-a.example").value();
    CHECK(advertised_address(host_only, NodePort::direct, 40001).text() == "node-a.example:40001");
}

TEST_CASE("a wildcard is never advertised", "[address]") {
    const auto settings = parse_bind("tcp://0.0.0.0:7400", "").value();
    const auto told = advertised_address(settings, NodePort::direct, 7400);
    CHECK(told.host != "0.0.0.0");
    CHECK(told.port == 7400);
    for (const char* wildcard : {"0.0.0.0:7400", "[::]:7400", "[0::0]:7400", "*", "*:7400"}) {
        CAPTURE(wildcard);
        CHECK_FALSE(parse_bind("tcp://0.0.0.0:7400", wildcard));
    }
    CHECK_FALSE(parse_bind("tcp://*:7400", ""));
}

TEST_CASE("a port without room for two neighbours is refused", "[address]") {
    CHECK(parse_bind("tcp://0.0.0.0:65533", ""));
    CHECK_FALSE(parse_bind("tcp://0.0.0.0:65534", ""));
}
