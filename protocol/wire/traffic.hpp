#pragma once

#include <cstdint>

#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// Payload bytes by their purpose.
struct TrafficBytes {
    std::uint64_t monitoring = 0;
    std::uint64_t averaging = 0;
    std::uint64_t overhead = 0;

    void add(Traffic traffic, std::uint64_t bytes) {
        switch (traffic) {
            case Traffic::monitoring:
                monitoring += bytes;
                break;
            case Traffic::averaging:
                averaging += bytes;
                break;
            case Traffic::overhead:
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

}  // namespace dynavg::protocol
