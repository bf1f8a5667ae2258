#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "protocol/base/instant.hpp"

namespace dynavg::daemon {

/// The daemon's monotonic clock; the same for all of its threads.
[[nodiscard]] inline protocol::Instant now() {
    return protocol::Instant(std::chrono::duration_cast<protocol::Duration>(
        std::chrono::steady_clock::now().time_since_epoch()));
}

/// Unix time in milliseconds, for people and for records that outlive this machine's uptime.
[[nodiscard]] inline std::uint64_t unix_ms() {
    const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now().time_since_epoch());
    return static_cast<std::uint64_t>(std::max<std::int64_t>(since.count(), 0));
}

}  // namespace dynavg::daemon
