#pragma once

#include <chrono>

#include "protocol/instant.hpp"

namespace dynavg::daemon {

/// The daemon's monotonic clock; the same for all of its threads.
[[nodiscard]] inline protocol::Instant now() {
    return protocol::Instant(std::chrono::duration_cast<protocol::Duration>(
        std::chrono::steady_clock::now().time_since_epoch()));
}

}  // namespace dynavg::daemon
