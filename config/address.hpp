#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/ids.hpp"

namespace dynavg::config {

/// "host:port" or "[::1]:port", taken apart; `host` has no brackets.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    bool operator==(const HostPort&) const = default;
};

[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);

/// Where a peer is dialed, and by which key it is known there.
struct PeerAddress {
    std::optional<protocol::PeerId> key;
    std::string address;  ///< HOST:PORT.
    bool operator==(const PeerAddress&) const = default;
};

/// "KEY@HOST:PORT" or "HOST:PORT" with a port above 0; KEY as PeerId::hex().
[[nodiscard]] std::optional<PeerAddress> parse_peer_address(std::string_view text);

/// "tcp://HOST:PORT".
[[nodiscard]] std::optional<HostPort> parse_tcp_address(std::string_view text);

/// "localhost", 127.0.0.0/8 or ::1. By its spelling: no name is looked up.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace dynavg::config
