#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/instant.hpp"

namespace dynavg::daemon {

/// The values of the charts at one moment.
struct StatusSample {
    std::uint64_t at_ms = 0;  ///< Unix time.
    std::optional<double> estimate;
    double threshold = 0;
    std::optional<double> drift;  ///< Squared norm, of this node's own.
    std::optional<double> accuracy;
    std::uint32_t epoch = 0;
    bool operator==(const StatusSample&) const = default;
};

/// A whole life in at most kSamplesMax points: when they are full, every other one goes and the
/// interval doubles. Pure; one thread.
class StatusHistory {
public:
    static constexpr std::size_t kSamplesMax = 720;
    static constexpr protocol::Duration kIntervalFirst = std::chrono::seconds(1);

    /// Keeps the sample if the interval since the last one is over.
    void add(StatusSample sample, protocol::Instant now);
    [[nodiscard]] const std::vector<StatusSample>& samples() const { return m_samples; }
    [[nodiscard]] protocol::Duration interval() const { return m_interval; }

private:
    std::vector<StatusSample> m_samples;
    protocol::Duration m_interval = kIntervalFirst;
    std::optional<protocol::Instant> m_last;
};

}  // namespace dynavg::daemon
