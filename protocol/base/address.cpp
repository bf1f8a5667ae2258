#include "protocol/base/address.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

#include <fmt/format.h>

namespace dynavg::protocol {

namespace {

constexpr std::size_t kHostBytesMax = 253;
constexpr std::string_view kTcp = "tcp://";

using Ipv4 = std::array<std::uint8_t, 4>;
using Ipv6 = std::array<std::uint16_t, 8>;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// All of `text`, or nothing.
template <class T>
std::optional<T> number(std::string_view text, int base) {
    T value = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc{} || stop != end) return std::nullopt;
    return value;
}

bool is_name(std::string_view host) {
    const auto allowed = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '.' ||
               c == '-' || c == '_';
    };
    return !host.empty() && host.size() <= kHostBytesMax &&
           std::all_of(host.begin(), host.end(), allowed);
}

std::vector<std::string_view> pieces(std::string_view text, char separator) {
    std::vector<std::string_view> all;
    for (std::size_t end = text.find(separator); end != std::string_view::npos;
         end = text.find(separator)) {
        all.push_back(text.substr(0, end));
        text.remove_prefix(end + 1);
    }
    all.push_back(text);
    return all;
}

/// Four numbers up to 255 without leading zeros.
std::optional<Ipv4> parse_ipv4(std::string_view text) {
    const auto parts = pieces(text, '.');
    Ipv4 address{};
    if (parts.size() != address.size()) return std::nullopt;
    for (std::size_t i = 0; i < address.size(); ++i) {
        const auto value = number<std::uint8_t>(parts[i], 10);
        if (!value || (parts[i].size() > 1 && parts[i].front() == '0')) return std::nullopt;
        address[i] = *value;
    }
    return address;
}

/// Groups of one to four hexadecimal digits; an IPv4 address may stand for the last two.
std::optional<std::vector<std::uint16_t>> parse_groups(std::string_view text, bool ends_address) {
    std::vector<std::uint16_t> groups;
    if (text.empty()) return groups;
    const auto parts = pieces(text, ':');
    for (std::size_t i = 0; i < parts.size(); ++i) {
        if (ends_address && i + 1 == parts.size()) {
            if (const auto four = parse_ipv4(parts[i])) {
                for (const std::size_t at : {0U, 2U}) {
                    groups.push_back(
                        static_cast<std::uint16_t>((*four)[at] << 8U | (*four)[at + 1]));
                }
                continue;
            }
        }
        const auto group = number<std::uint16_t>(parts[i], 16);
        if (!group || parts[i].size() > 4) return std::nullopt;
        groups.push_back(*group);
    }
    return groups;
}

std::optional<Ipv6> parse_ipv6(std::string_view text) {
    const std::size_t gap = text.find("::");
    const bool has_gap = gap != std::string_view::npos;
    const auto before = parse_groups(text.substr(0, gap), !has_gap);
    const auto after = parse_groups(has_gap ? text.substr(gap + 2) : std::string_view(), true);
    if (!before || !after) return std::nullopt;
    Ipv6 address{};
    const std::size_t groups = before->size() + after->size();
    // The gap stands for one group at least.
    if (has_gap ? groups >= address.size() : groups != address.size()) return std::nullopt;
    std::copy(before->begin(), before->end(), address.begin());
    std::copy(after->rbegin(), after->rend(), address.rbegin());
    return address;
}

}  // namespace

std::string HostPort::text() const {
    return is_ipv6() ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

std::optional<HostPort> parse_host_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    const auto port = number<std::uint16_t>(text.substr(colon + 1), 10);
    if (!port) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        host = host.substr(1, host.size() - 2);
        if (!parse_ipv6(host)) return std::nullopt;
    } else if (!is_name(host)) {
        return std::nullopt;
    }
    return HostPort{std::string(host), *port};
}

std::optional<HostPort> parse_tcp_address(std::string_view text) {
    if (!text.starts_with(kTcp)) return std::nullopt;
    return parse_host_port(text.substr(kTcp.size()));
}

std::optional<PeerAddress> parse_peer_address(std::string_view text) {
    PeerAddress peer;
    if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
        peer.key = PeerId::from_hex(text.substr(0, at));
        if (!peer.key) return std::nullopt;
        text.remove_prefix(at + 1);
    }
    const auto address = parse_host_port(text);
    if (!address || address->port == 0) return std::nullopt;
    peer.address = text;
    return peer;
}

bool is_loopback(std::string_view host) {
    constexpr std::uint8_t kLoopbackNetwork = 127;
    if (host == "localhost") return true;
    if (const auto four = parse_ipv4(host)) return four->front() == kLoopbackNetwork;
    return parse_ipv6(host) == Ipv6{0, 0, 0, 0, 0, 0, 0, 1};
}

bool is_wildcard(std::string_view host) {
    return host == "0.0.0.0" || parse_ipv6(host) == Ipv6{};
}

}  // namespace dynavg::protocol
