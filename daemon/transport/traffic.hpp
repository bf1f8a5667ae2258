#pragma once

#include <cstdint>

#include "protocol/wire/traffic.hpp"

namespace dynavg::daemon {

using protocol::TrafficBytes;

/// The traffic of a transport since it was made: bytes given to and got from ZeroMQ, without
/// ZeroMQ's and TCP's own framing.
struct TransportCounters {
    TrafficBytes sent;
    TrafficBytes received;
    std::uint64_t send_failed = 0;       ///< Not connected, or the queue was full.
    std::uint64_t received_refused = 0;  ///< Wrong frames, sizes, unknown sender or not decodable.
    TransportCounters& operator+=(const TransportCounters& other) {
        sent += other.sent;
        received += other.received;
        send_failed += other.send_failed;
        received_refused += other.received_refused;
        return *this;
    }
};

}  // namespace dynavg::daemon
