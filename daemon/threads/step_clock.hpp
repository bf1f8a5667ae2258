#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/base/instant.hpp"

namespace dynavg::daemon {

/// Moving mean of step times, the slowest of late, and steps per second over windows of about a
/// second.
class StepClock {
public:
    void on_step(protocol::Duration took, protocol::Instant at) {
        constexpr double kNewest = 0.1;
        const auto microseconds = static_cast<double>(took.count());
        m_mean += m_has_mean ? kNewest * (microseconds - m_mean) : microseconds;
        m_has_mean = true;
        // One freak of a slow step is forgotten after some thousands.
        constexpr double kKept = 0.999;
        m_slowest = std::max(microseconds, kKept * m_slowest);
        ++m_window_steps;
        if (at - m_window_since >= kWindow) {
            m_rate = rate_of(at);
            m_window_since = at;
            m_window_steps = 0;
        }
    }
    void begin(protocol::Instant at) { m_window_since = at; }
    [[nodiscard]] protocol::Duration mean() const {
        return protocol::Duration(static_cast<protocol::Duration::rep>(m_mean));
    }
    /// Zero before the first step.
    [[nodiscard]] protocol::Duration slowest() const {
        return protocol::Duration(static_cast<protocol::Duration::rep>(m_slowest));
    }
    [[nodiscard]] double steps_per_second(protocol::Instant at) const {
        // An open window that has grown too long tells that steps are slow, or waiting.
        return m_rate && at - m_window_since < 2 * kWindow ? *m_rate : rate_of(at);
    }

private:
    static constexpr protocol::Duration kWindow = std::chrono::seconds(1);
    [[nodiscard]] double rate_of(protocol::Instant at) const {
        const std::chrono::duration<double> span = at - m_window_since;
        return span.count() > 0 ? static_cast<double>(m_window_steps) / span.count() : 0;
    }
    double m_mean = 0;
    double m_slowest = 0;
    bool m_has_mean = false;
    std::optional<double> m_rate;
    protocol::Instant m_window_since{};
    std::uint64_t m_window_steps = 0;
};

}  // namespace dynavg::daemon
