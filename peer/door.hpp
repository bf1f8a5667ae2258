#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/ids.hpp"

namespace dynavg::peer {

/// One of a node's three listening sockets: docs/protocol.md, "Channels and messages".
enum class Door : std::uint8_t { direct, gossip, bulk };

[[nodiscard]] constexpr std::string_view name_of(Door door) {
    switch (door) {
        case Door::direct:
            return "direct";
        case Door::gossip:
            return "gossip";
        case Door::bulk:
            break;
    }
    return "bulk";
}

/// An attempt to connect: the key that it shows, the door, and the IP address that it comes from.
struct Knock {
    protocol::PeerId key;
    Door door = Door::direct;
    std::string address;
};

}  // namespace dynavg::peer
