#include "discovery/refusal_log.hpp"

#include <algorithm>

#include "discovery/bounds.hpp"

namespace dynavg::discovery {

bool RefusalLog::worth_a_line(const std::string& subject, const std::vector<std::string>& reason,
                              protocol::Instant now) {
    const auto known = m_lines.find(subject);
    if (known != m_lines.end() && known->second.reason == reason &&
        now - known->second.logged < kRefusalLogInterval) {
        return false;
    }
    if (now - m_window_start >= kRefusalLogInterval) {
        m_window_start = now;
        m_lines_in_window = 0;
    }
    if (m_lines_in_window == kRefusalLogLinesMax) return false;
    ++m_lines_in_window;
    if (known == m_lines.end() && m_lines.size() == protocol::limits::kPeersMax) {
        m_lines.erase(std::min_element(m_lines.begin(), m_lines.end(), [](auto& a, auto& b) {
            return a.second.logged < b.second.logged;
        }));
    }
    m_lines.insert_or_assign(subject, Line{now, reason});
    return true;
}

}  // namespace dynavg::discovery
