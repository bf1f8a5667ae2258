#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "protocol/base/ids.hpp"

namespace dynavg::peer {

/// Which of a node's listening ends: protocol.md, section 2.
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

/// Somebody knocks: with which key, where, and from which IP address.
struct Knock {
    protocol::PeerId key;
    Door door = Door::direct;
    std::string address;
};

}  // namespace dynavg::peer
