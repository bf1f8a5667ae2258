#include "daemon/transport/address.hpp"

#include <utility>

#include <fmt/format.h>

#include "config/host.hpp"

namespace dynavg::daemon {
namespace {

constexpr std::string_view kScheme = "tcp://";
/// Of an address that a message shows.
constexpr std::size_t kShownBytesMax = 253;

Unexpected<Error> bad_address(std::string_view text) {
    return fail(
        fmt::format("\"{}\" is no address: write host:port, with brackets around an IPv6 "
                    "host, for example node-a.example:7400",
                    text.substr(0, kShownBytesMax)));
}

}  // namespace

Expected<HostPort, Error> parse_address(std::string_view text) {
    const std::string_view rest = text.starts_with(kScheme) ? text.substr(kScheme.size()) : text;
    auto address = protocol::parse_host_port(rest);
    if (!address) return bad_address(text);
    return std::move(*address);
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
    if (protocol::is_wildcard(told->host) ||
        told->port + static_cast<unsigned>(NodePort::bulk) > kPortMax) {
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
    if (protocol::is_wildcard(address.host)) {
        address.host = config::first_interface_address(
            settings.bind.is_ipv6() ? config::AddressFamily::ipv6 : config::AddressFamily::ipv4);
    }
    return address;
}

}  // namespace dynavg::daemon
