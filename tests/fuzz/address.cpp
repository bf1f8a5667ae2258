#include "protocol/base/address.hpp"

#include <arpa/inet.h>

#include "daemon/transport/address.hpp"
#include "discovery/bounds.hpp"
#include "discovery/peer_exchange.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// Addresses: from a person, from peers, and as they are dialed, by one grammar. Two lines are an
// address to bind and one to advertise.

namespace dynavg::fuzz {

namespace {

/// The C library, which stops at a zero byte.
bool is_ipv6(const std::string& host) {
    in6_addr ignored{};
    return host.find('\0') == std::string::npos && inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

/// All readers of an address take it for the same, or all refuse it.
void check_one_verdict(std::string_view text) {
    const auto meant = protocol::parse_host_port(text);
    const auto dialed = daemon::parse_address(text);
    const bool has_scheme = text.starts_with("tcp://");
    if (!has_scheme) DYNAVG_CHECK(dialed.has_value() == meant.has_value());
    if (has_scheme)
        DYNAVG_CHECK(dialed.has_value() == protocol::parse_tcp_address(text).has_value());
    if (!meant) {
        DYNAVG_CHECK(!discovery::is_address(std::string(text)));
        return;
    }
    DYNAVG_CHECK(*dialed == *meant);
    DYNAVG_CHECK(protocol::parse_host_port(meant->text()) == meant);
    DYNAVG_CHECK(meant->is_ipv6() == is_ipv6(meant->host));
    DYNAVG_CHECK(!protocol::is_loopback(meant->host) || !protocol::is_wildcard(meant->host));
    const bool told = discovery::is_address(std::string(text));
    DYNAVG_CHECK(told == (meant->port != 0 && text.size() <= discovery::kAddressBytesMax));
}

}  // namespace

void run(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    check_one_verdict(text);
    const std::size_t line = text.find('\n');
    const std::string_view bind = text.substr(0, line);
    const std::string_view advertise =
        line == std::string_view::npos ? std::string_view() : text.substr(line + 1);
    if (const auto settings = daemon::parse_bind(bind, advertise)) {
        using daemon::NodePort;
        for (const NodePort which : {NodePort::direct, NodePort::gossip, NodePort::bulk}) {
            const auto bound = daemon::bind_address(*settings, which);
            DYNAVG_CHECK(bound.port != 0 || settings->bind.port == 0);
            DYNAVG_CHECK(settings->advertise.host.empty() ||
                         daemon::advertised_address(*settings, which, 7).port != 0);
        }
    }
}

}  // namespace dynavg::fuzz
