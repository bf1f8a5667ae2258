#include "config/address.hpp"

#include <algorithm>
#include <charconv>

#include <arpa/inet.h>

namespace dynavg::config {

namespace {

constexpr std::size_t kHostBytesMax = 253;
constexpr std::string_view kTcp = "tcp://";

bool is_host(std::string_view host) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
    };
    return !host.empty() && host.size() <= kHostBytesMax &&
           std::all_of(host.begin(), host.end(), allowed);
}

bool is_ipv6(const std::string& host) {
    in6_addr address{};
    // The function below stops at a zero byte.
    return host.find('\0') == std::string::npos && inet_pton(AF_INET6, host.c_str(), &address) == 1;
}

}  // namespace

std::optional<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const std::string_view digits = text.substr(colon + 1);
    HostPort result;
    const char* const end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, result.port);
    if (error != std::errc{} || stop != end) return std::nullopt;

    const std::string_view host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        result.host = host.substr(1, host.size() - 2);
        if (!is_ipv6(result.host)) return std::nullopt;
        return result;
    }
    if (!is_host(host)) return std::nullopt;
    result.host = host;
    return result;
}

std::optional<PeerAddress> parse_peer_address(std::string_view text) {
    PeerAddress peer;
    if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
        peer.key = protocol::PeerId::from_hex(text.substr(0, at));
        if (!peer.key) return std::nullopt;
        text.remove_prefix(at + 1);
    }
    const auto address = parse_host_port(text);
    if (!address || address->port == 0) return std::nullopt;
    peer.address = text;
    return peer;
}

std::optional<HostPort> parse_tcp_address(std::string_view text) {
    if (!text.starts_with(kTcp)) return std::nullopt;
    return parse_host_port(text.substr(kTcp.size()));
}

bool is_loopback(std::string_view host) {
    if (host == "localhost") return true;
    const std::string name(host);
    in_addr four{};
    if (inet_pton(AF_INET, name.c_str(), &four) == 1) return (ntohl(four.s_addr) >> 24) == 127;
    in6_addr six{};
    return inet_pton(AF_INET6, name.c_str(), &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

}  // namespace dynavg::config
