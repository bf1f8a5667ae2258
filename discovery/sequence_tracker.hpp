#pragma once

#include <cstdint>

#include "protocol/ids.hpp"

namespace dynavg::discovery {

/// Counts the sequence numbers of one sender that never came. Late ones are taken off the count
/// again, repeated ones are not counted twice, as long as they are within 64 of the highest.
class SequenceTracker {
public:
    void on_received(protocol::SequenceNumber sequence);
    /// Between the first and the highest number received.
    [[nodiscard]] std::uint64_t missed() const { return m_missed; }
    void reset() { *this = SequenceTracker(); }

private:
    std::uint64_t m_highest = 0;
    std::uint64_t m_window = 0;  ///< Bit i: m_highest - i has come.
    std::uint64_t m_missed = 0;
    bool m_started = false;
};

}  // namespace dynavg::discovery
