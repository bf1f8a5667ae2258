#include "config/address.hpp"

#include "daemon/transport/address.hpp"
#include "discovery/peer_exchange.hpp"
#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"

// Addresses, from a person (config), from peers (discovery), and as they are dialed (daemon). Two
// lines are an address to bind and one to advertise.

namespace dynavg::fuzz {

void run(std::span<const std::uint8_t> input) {
    const std::string_view text = as_text(input);
    if (const auto parsed = daemon::parse_address(text)) {
        const auto again = daemon::parse_address(parsed->text());
        DYNAVG_CHECK(again && *again == *parsed);
    }
    if (const auto host_port = config::parse_host_port(text)) {
        (void)config::is_loopback(host_port->host);
        // What check-config lets pass the daemon takes, and means the same by it.
        const auto dialed = daemon::parse_address(text);
        DYNAVG_CHECK(dialed && dialed->host == host_port->host && dialed->port == host_port->port);
    }
    if (config::parse_tcp_address(text)) DYNAVG_CHECK(daemon::parse_address(text).has_value());
    if (discovery::is_address(std::string(text))) {
        DYNAVG_CHECK(daemon::parse_address(text).has_value());
    }
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
