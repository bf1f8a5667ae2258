#include "daemon/control/status_history.hpp"

namespace dynavg::daemon {

void StatusHistory::add(StatusSample sample, protocol::Instant now) {
    if (m_last && now - *m_last < m_interval) return;
    m_last = now;
    m_samples.push_back(sample);
    if (m_samples.size() < kSamplesMax) return;
    // The newest one stays: its place is odd.
    std::size_t kept = 0;
    for (std::size_t i = 1; i < m_samples.size(); i += 2) m_samples[kept++] = m_samples[i];
    m_samples.resize(kept);
    m_interval *= 2;
}

}  // namespace dynavg::daemon
