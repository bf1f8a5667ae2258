#pragma once

#include <atomic>
#include <cstdint>

#include "protocol/base/ids.hpp"

namespace dynavg::daemon {

/// Numbers this process's messages, on all threads. The upper 24 bits are the incarnation's, so
/// that a restart goes on above all numbers sent before. Thread-safe.
class MessageSequence {
public:
    explicit MessageSequence(protocol::Incarnation incarnation)
        : m_next(std::uint64_t{incarnation.value() & 0xffffffU} << 40U) {}
    [[nodiscard]] protocol::SequenceNumber next() {
        return protocol::SequenceNumber(m_next.fetch_add(1, std::memory_order_relaxed));
    }

private:
    std::atomic<std::uint64_t> m_next;
};

}  // namespace dynavg::daemon
