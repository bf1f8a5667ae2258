#include "protocol/base/address.hpp"

#include <arpa/inet.h>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

struct Verdict {
    std::string_view text;
    std::optional<HostPort> meant;
};

/// Every spelling that parsers of addresses like to disagree about. Configuration, discovery and
/// daemon have this one grammar.
const std::vector<Verdict> kVerdicts{
    {"node-b.example:7400", HostPort{"node-b.example", 7400}},
    {"a_b:80", HostPort{"a_b", 80}},
    {"127.0.0.1:0", HostPort{"127.0.0.1", 0}},
    {"1.2.3:1", HostPort{"1.2.3", 1}},  // A name, as far as its spelling goes.
    {"[::1]:65535", HostPort{"::1", 65535}},
    {"[::]:7400", HostPort{"::", 7400}},
    {"[fe80::1]:7400", HostPort{"fe80::1", 7400}},
    {"[::ffff:1.2.3.4]:1", HostPort{"::ffff:1.2.3.4", 1}},
    {"[1:2:3:4:5:6:7:8]:1", HostPort{"1:2:3:4:5:6:7:8", 1}},
    // Zones and "*": of one machine, or of no grammar but ZeroMQ's.
    {"[fe80::1%eth0]:7400", {}},
    {"[::1%]:1", {}},
    {"fe80::1%eth0:7400", {}},
    {"host%eth0:1", {}},
    {"*:7400", {}},
    {"[*]:7400", {}},
    // Ports.
    {"host", {}},
    {"host:", {}},
    {"host:65536", {}},
    {"host:-1", {}},
    {"host:+1", {}},
    {"host: 1", {}},
    {"host:7x", {}},
    // Hosts.
    {"", {}},
    {":", {}},
    {":7400", {}},
    {"ho st:1", {}},
    {"a\n:1", {}},
    {std::string_view("a\0b:1", 5), {}},
    {"a/b:1", {}},
    {"tcp://host:1", {}},
    {"key@host:1", {}},
    // Brackets belong around IPv6 addresses, and around them only.
    {"::1:7400", {}},
    {"[::1]7400", {}},
    {"[host]:1", {}},
    {"[1.2.3.4]:1", {}},
    {"[]:1", {}},
    {"[a:1]:1", {}},
    {"[:::]:1", {}},
    {"[1::2::3]:1", {}},
    {"[12345::]:1", {}},
    {"[1:2:3:4:5:6:7:8::]:1", {}},
    {"[::1.2.3.04]:1", {}},
    {std::string_view("[::1\0]:1", 8), {}},
};

}  // namespace

TEST_CASE("an address has one verdict", "[address]") {
    for (const auto& [text, meant] : kVerdicts) {
        CAPTURE(text);
        CHECK(parse_host_port(text) == meant);
        CHECK(parse_tcp_address("tcp://" + std::string(text)) == meant);
        if (meant) CHECK(meant->text() == text);
        // Peers are dialed, so theirs has a port.
        CHECK(parse_peer_address(text).has_value() == (meant && meant->port != 0));
    }
    CHECK(parse_host_port(std::string(253, 'a') + ":1"));
    CHECK_FALSE(parse_host_port(std::string(254, 'a') + ":1"));
    for (const char* text : {"udp://127.0.0.1:7400", "tcp://", "TCP://a:1"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_tcp_address(text));
    }
}

TEST_CASE("IPv6 addresses are told from other texts as the C library does it", "[address]") {
    constexpr std::string_view kLetters = "::::.0123af9g";
    RandomStream random(7, RandomPurpose::test);
    std::size_t valid = 0;
    for (int i = 0; i < 300'000; ++i) {
        std::string text = i % 2 == 0 ? "::" : "1:2:3";
        const std::size_t letters = random.below(12);
        for (std::size_t j = 0; j < letters; ++j) {
            text += kLetters[random.below(kLetters.size())];
        }
        in6_addr ignored{};
        const bool expected = inet_pton(AF_INET6, text.c_str(), &ignored) == 1;
        const bool found = parse_host_port("[" + text + "]:1").has_value();
        if (found != expected) FAIL(text << ": " << found << ", but inet_pton says " << expected);
        valid += expected ? 1 : 0;
    }
    CHECK(valid > 1000);
}

TEST_CASE("a peer's address may name its key", "[address]") {
    const std::string key(64, 'a');
    CHECK(parse_peer_address(key + "@[::1]:7400") ==
          PeerAddress{PeerId::from_hex(key), "[::1]:7400"});
    CHECK_FALSE(parse_peer_address("abc@host:1"));
    CHECK_FALSE(parse_peer_address(key + "@host:0"));
    CHECK_FALSE(parse_peer_address(key + "@[fe80::1%eth0]:1"));
}

TEST_CASE("loopback is told by the spelling", "[address]") {
    for (const char* host : {"localhost", "127.0.0.1", "127.255.0.3", "::1", "0:0:0:0:0:0:0:1"}) {
        CAPTURE(host);
        CHECK(is_loopback(host));
    }
    for (const char* host : {"", "0.0.0.0", "::", "128.0.0.1", "127.0.0.1.example", "127.1",
                             "127.0.0.01", "localhost.example", "::2", "192.168.0.1"}) {
        CAPTURE(host);
        CHECK_FALSE(is_loopback(host));
    }
}

TEST_CASE("every address of a machine is told by its value", "[address]") {
    for (const char* host : {"0.0.0.0", "::", "0::0", "0:0:0:0:0:0:0:0", "::0.0.0.0"}) {
        CAPTURE(host);
        CHECK(is_wildcard(host));
    }
    for (const char* host : {"", "*", "0.0.0.1", "::1", "localhost"}) {
        CAPTURE(host);
        CHECK_FALSE(is_wildcard(host));
    }
}

}  // namespace dynavg::protocol
