#pragma once

#include <cstdint>

#include "protocol/messages.hpp"

namespace dynavg::daemon {

/// Payload bytes by what they are for.
struct TrafficBytes {
    std::uint64_t monitoring = 0;
    std::uint64_t averaging = 0;
    std::uint64_t overhead = 0;

    void add(protocol::Traffic traffic, std::uint64_t bytes) {
        switch (traffic) {
            case protocol::Traffic::monitoring:
                monitoring += bytes;
                break;
            case protocol::Traffic::averaging:
                averaging += bytes;
                break;
            case protocol::Traffic::overhead:
                overhead += bytes;
                break;
        }
    }
    [[nodiscard]] std::uint64_t total() const { return monitoring + averaging + overhead; }
    TrafficBytes& operator+=(const TrafficBytes& other) {
        monitoring += other.monitoring;
        averaging += other.averaging;
        overhead += other.overhead;
        return *this;
    }
    bool operator==(const TrafficBytes&) const = default;
};

/// What a transport has moved since it was made: bytes given to and got from ZeroMQ, without
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
