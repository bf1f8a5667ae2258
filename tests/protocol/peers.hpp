#pragma once

#include <initializer_list>
#include <string>

#include "protocol/base/ids.hpp"

namespace dynavg::protocol {

/// Peer `number` of a test; its order is its number, so that sorted is sorted by number.
inline Member peer(int number, std::uint32_t incarnation = 1) {
    return {number, PeerId::from_name("peer" + std::to_string(number)), Incarnation(incarnation)};
}

/// Ascending numbers.
inline Roster peers(std::initializer_list<int> numbers) {
    Roster roster;
    for (const int number : numbers) roster.push_back(peer(number));
    return roster;
}

}  // namespace dynavg::protocol
