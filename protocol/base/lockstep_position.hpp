#pragma once

#include <cstdint>

namespace dynavg::protocol {

/// A peer's position in lockstep, under the reference that it holds. A peer begins as not_started.
/// It becomes in_step or apart, and stays so until the next reference.
enum class LockstepPosition : std::uint8_t {
    not_started,  ///< Waits for enough peers, and may yet be one of those that step together.
    apart,        ///< Takes no step until the next reference.
    in_step,      ///< One of those that step together.
};

}  // namespace dynavg::protocol
