#include "discovery/sequence_tracker.hpp"

namespace dynavg::discovery {

namespace {

constexpr std::uint64_t kWindowBits = 64;

}  // namespace

void SequenceTracker::on_received(protocol::SequenceNumber sequence) {
    const std::uint64_t number = sequence.value();
    if (!m_started) {
        m_started = true;
        m_highest = number;
        m_window = ~std::uint64_t{0};  // What came before the first is not missed.
        return;
    }
    if (number > m_highest) {
        const std::uint64_t ahead = number - m_highest;
        m_missed += ahead - 1;
        m_window = ahead >= kWindowBits ? 1 : (m_window << ahead) | 1;
        m_highest = number;
        return;
    }
    const std::uint64_t behind = m_highest - number;
    if (behind >= kWindowBits) return;
    const std::uint64_t bit = std::uint64_t{1} << behind;
    if ((m_window & bit) != 0) return;
    m_window |= bit;
    --m_missed;
}

}  // namespace dynavg::discovery
