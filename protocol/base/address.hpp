#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.hpp"

/// The one grammar of addresses: for configurations, for peers that tell addresses, and for daemons
/// that bind and dial.
///
///     ADDRESS = HOST ":" PORT          PORT: 0 to 65535, decimal
///     HOST    = NAME | IPV4 | "[" IPV6 "]"
///     NAME    = 1 to 253 of a-z A-Z 0-9 . - _
///     IPV6    = as in RFC 4291, section 2.2; without a zone ("%eth0")
///
/// A zone names an interface of one machine and means another one, or none, on the next; so it is
/// no part of an address that nodes tell each other. "*" is no host: write 0.0.0.0 or [::].
namespace dynavg::protocol {

/// `host` has no brackets.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    bool operator==(const HostPort&) const = default;
    [[nodiscard]] bool is_ipv6() const { return host.find(':') != std::string::npos; }
    /// As parse_host_port() reads it: with brackets around an IPv6 address.
    [[nodiscard]] std::string text() const;
};

/// An ADDRESS.
[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);

/// "tcp://" and an ADDRESS.
[[nodiscard]] std::optional<HostPort> parse_tcp_address(std::string_view text);

/// Where a peer is dialed, and by which key it is known there.
struct PeerAddress {
    std::optional<PeerId> key;
    std::string address;  ///< An ADDRESS with a port above 0.
    bool operator==(const PeerAddress&) const = default;
};

/// "KEY@ADDRESS" or an ADDRESS, with a port above 0; KEY as PeerId::hex().
[[nodiscard]] std::optional<PeerAddress> parse_peer_address(std::string_view text);

/// "localhost", 127.0.0.0/8 or ::1. By its spelling: no name is looked up.
[[nodiscard]] bool is_loopback(std::string_view host);

/// 0.0.0.0 or ::, which stand for every address of a machine: to be bound, never to be dialed.
[[nodiscard]] bool is_wildcard(std::string_view host);

}  // namespace dynavg::protocol
