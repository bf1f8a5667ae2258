#pragma once

#include <cstdint>

namespace dynavg::protocol {

/// Where a peer stands in lockstep, under the reference that it holds. Only from not_started do the
/// two others follow; until the next reference both are for good.
enum class Standing : std::uint8_t {
    not_started,  ///< Waits for enough peers, and may yet be one of those that step together.
    apart,        ///< Takes no step until the next reference.
    in_step,      ///< One of those that step together.
};

}  // namespace dynavg::protocol
