#pragma once

#include <cstdint>

namespace dynavg::protocol {

/// A node's role in its network. The node tells it as it joins, and keeps it for that life.
enum class Role : std::uint8_t {
    member,    ///< Trains, votes, and takes part in rounds.
    observer,  ///< Pulls each reference that is committed, and has no say in it.
};

}  // namespace dynavg::protocol
