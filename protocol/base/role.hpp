#pragma once

#include <cstdint>

namespace dynavg::protocol {

/// What a node is in its network. It says so as it joins, and is it for that life.
enum class Role : std::uint8_t {
    member,    ///< Trains, votes, and takes part in rounds.
    observer,  ///< Follows the reference: pulls each one that is committed, and says nothing to it.
};

}  // namespace dynavg::protocol
