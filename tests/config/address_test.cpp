#include "config/address.hpp"

#include "tests/catch.hpp"

using namespace dynavg::config;

TEST_CASE("an address is a host and a port", "[address]") {
    CHECK(parse_host_port("node-b.example:7400") == HostPort{"node-b.example", 7400});
    CHECK(parse_host_port("127.0.0.1:0") == HostPort{"127.0.0.1", 0});
    CHECK(parse_host_port("[::1]:65535") == HostPort{"::1", 65535});
    CHECK(parse_tcp_address("tcp://0.0.0.0:7400") == HostPort{"0.0.0.0", 7400});
}

TEST_CASE("what is no address is refused", "[address]") {
    for (const char* text : {"", ":", "host", "host:", ":7400", "host:65536", "host:-1", "host:+1",
                             "host: 1", "host:7x", "ho st:1", "::1:7400", "[::1]7400", "[host]:1",
                             "[]:1", "tcp://host:1", "a/b:1", "key@host:1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_host_port(text));
    }
    CHECK_FALSE(parse_host_port(std::string_view("[::1\0]:1", 8)));
    for (const char* text : {"127.0.0.1:7400", "udp://127.0.0.1:7400", "tcp://", "TCP://a:1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_tcp_address(text));
    }
}

TEST_CASE("loopback is told by the spelling", "[address]") {
    for (const char* host : {"localhost", "127.0.0.1", "127.255.0.3", "::1", "0:0:0:0:0:0:0:1"}) {
        CAPTURE(host);
        CHECK(is_loopback(host));
    }
    for (const char* host : {"", "0.0.0.0", "::", "128.0.0.1", "127.0.0.1.example", "127.1",
                             "localhost.example", "::2", "192.168.0.1"}) {
        CAPTURE(host);
        CHECK_FALSE(is_loopback(host));
    }
}
