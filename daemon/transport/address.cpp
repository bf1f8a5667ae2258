#include "daemon/transport/address.hpp"

#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "config/host.hpp"

namespace dynavg::daemon {
namespace {

constexpr std::string_view kScheme = "tcp://";
constexpr std::size_t kHostBytesMax = 253;

bool is_host_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '%' || c == '*';
}

bool is_host(std::string_view host) {
    if (host.empty() || host.size() > kHostBytesMax) return false;
    for (const char c : host) {
        if (!is_host_character(c)) return false;
    }
    return true;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || text.empty()) return {};
    return port;
}

Unexpected<Error> bad_address(std::string_view text) {
    return fail(
        fmt::format("\"{}\" is no address: write host:port, with brackets around an IPv6 "
                    "host, for example node-a.example:7400",
                    text.substr(0, kHostBytesMax)));
}

bool is_wildcard(const std::string& host) {
    return host == "0.0.0.0" || host == "*" || host == "::";
}

}  // namespace

std::string HostPort::text() const {
    return is_ipv6() ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Expected<HostPort, Error> parse_address(std::string_view text) {
    std::string_view rest = text;
    if (rest.starts_with(kScheme)) rest.remove_prefix(kScheme.size());
    const auto colon = rest.rfind(':');
    if (colon == std::string_view::npos) return bad_address(text);
    std::string_view host = rest.substr(0, colon);
    const auto port = parse_port(rest.substr(colon + 1));
    const bool bracketed = host.size() > 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const bool has_colon = host.find(':') != std::string_view::npos;
    if (!port || !is_host(host) || has_colon != bracketed) return bad_address(text);
    return HostPort{std::string(host), *port};
}

Expected<BindSettings, Error> parse_bind(std::string_view bind, std::string_view advertise) {
    BindSettings settings;
    auto bound = parse_address(bind);
    if (!bound) return Unexpected<Error>(std::move(bound.error()));
    constexpr unsigned kPortMax = 65535;
    if (bound->port + static_cast<unsigned>(NodePort::bulk) > kPortMax) {
        return fail(fmt::format("bind \"{}\": a node needs this port and the next two", bind));
    }
    settings.bind = std::move(*bound);
    settings.ipv6 = settings.bind.is_ipv6();
    if (advertise.empty()) return settings;
    // A host alone advertises the bound ports.
    auto told = parse_address(advertise);
    if (!told) told = parse_address(std::string(advertise) + ":0");
    if (!told) return bad_address(advertise);
    if (is_wildcard(told->host) || told->port + static_cast<unsigned>(NodePort::bulk) > kPortMax) {
        return fail(fmt::format("advertise \"{}\": nobody can dial that", advertise));
    }
    settings.advertise = std::move(*told);
    return settings;
}

HostPort bind_address(const BindSettings& settings, NodePort which) {
    HostPort address = settings.bind;
    if (address.port != 0) {
        address.port = static_cast<std::uint16_t>(address.port + static_cast<unsigned>(which));
    }
    return address;
}

HostPort advertised_address(const BindSettings& settings, NodePort which,
                            std::uint16_t bound_port) {
    HostPort address{settings.advertise.host, bound_port};
    // With "any free port" the three are no neighbours: only the bound ones are right.
    if (settings.advertise.port != 0 && settings.bind.port != 0) {
        address.port =
            static_cast<std::uint16_t>(settings.advertise.port + static_cast<unsigned>(which));
    }
    if (!address.host.empty()) return address;
    address.host = settings.bind.host;
    if (is_wildcard(address.host)) {
        address.host = config::first_interface_address(
            settings.bind.is_ipv6() ? config::AddressFamily::ipv6 : config::AddressFamily::ipv4);
    }
    return address;
}

}  // namespace dynavg::daemon
