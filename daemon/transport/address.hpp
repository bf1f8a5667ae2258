#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/address.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::daemon {

using protocol::HostPort;

/// With or without "tcp://" before it.
[[nodiscard]] Expected<HostPort, Error> parse_address(std::string_view text);

/// A node has three neighbouring ports; the first is the one that configurations and peers name.
enum class NodePort : std::uint16_t { direct = 0, gossip = 1, bulk = 2 };

/// How a node's sockets are bound and what others are told to dial.
struct BindSettings {
    HostPort bind;  ///< Port 0: any free one for each socket.
    /// Host and port that others dial for `direct`, the next two for gossip and bulk. Empty host:
    /// the bound address, or for a wildcard the host's own first address. Port 0: the bound ports.
    HostPort advertise;
    bool ipv6 = false;  ///< Names also resolve to IPv6. Always on if `bind` is an IPv6 address.
};

/// From `[node] bind` and `[node] advertise` ("host:port", "host" or empty).
[[nodiscard]] Expected<BindSettings, Error> parse_bind(std::string_view bind,
                                                       std::string_view advertise);

/// Where to bind one of the node's sockets.
[[nodiscard]] HostPort bind_address(const BindSettings& settings, NodePort which);

/// The address to tell others for a socket that was bound at `bound_port`.
[[nodiscard]] HostPort advertised_address(const BindSettings& settings, NodePort which,
                                          std::uint16_t bound_port);

}  // namespace dynavg::daemon
