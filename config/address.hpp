#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dynavg::config {

/// "host:port" or "[::1]:port", taken apart; `host` has no brackets.
struct HostPort {
    std::string host;
    std::uint16_t port = 0;
    bool operator==(const HostPort&) const = default;
};

[[nodiscard]] std::optional<HostPort> parse_host_port(std::string_view text);

/// "tcp://HOST:PORT".
[[nodiscard]] std::optional<HostPort> parse_tcp_address(std::string_view text);

/// "localhost", 127.0.0.0/8 or ::1. By its spelling: no name is looked up.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace dynavg::config
