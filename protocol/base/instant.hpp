#pragma once

#include <chrono>

namespace dynavg::protocol {

/// The clock of the core's driver: the daemon's monotonic clock or the simulator's virtual
/// one. It has no now(): time is a parameter.
struct DriverClock {
    using duration = std::chrono::microseconds;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<DriverClock, duration>;
    static constexpr bool is_steady = true;
};

using Duration = DriverClock::duration;
using Instant = DriverClock::time_point;

inline constexpr Instant kNever = Instant::max();

}  // namespace dynavg::protocol
