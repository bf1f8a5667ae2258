#include "discovery/failure_detector.hpp"

#include <algorithm>
#include <cmath>

namespace dynavg::discovery {

using protocol::Duration;
using protocol::Instant;

namespace {

constexpr Duration kTimeoutMin = std::chrono::milliseconds(1500);
constexpr Duration kTimeoutMax = std::chrono::seconds(30);
constexpr double kMeans = 6;
constexpr double kDeviations = 14;
/// The estimate before anything is measured, and the number of samples that it counts for.
constexpr double kLossBelieved = 0.3;
constexpr double kBeliefSamples = 6;
constexpr double kWindowSamples = 64;
/// A gap beyond the timeout after so many heartbeats in time was a freeze or a cut; sooner, it is
/// the rhythm that has changed.
constexpr int kInTimeBetweenFreezes = 16;

/// Smaller lateness is the ordinary noise of timers.
constexpr Duration kLatenessTolerated = std::chrono::milliseconds(100);
constexpr Duration kLatenessUnit = std::chrono::milliseconds(500);
constexpr Duration kPauseMin = std::chrono::seconds(1);
constexpr double kExcessMax = 3;
constexpr Duration kExcessHalfLife = std::chrono::seconds(10);

double microseconds(Duration duration) {
    return static_cast<double>(duration.count());
}

Duration from_microseconds(double value) {
    return Duration(static_cast<Duration::rep>(value));
}

}  // namespace

// Losses are independent with probability p, so gaps are geometric: mean interval / (1 - p),
// deviation interval sqrt(p) / (1 - p).
FailureDetector::FailureDetector(Duration interval, Instant now, std::optional<Duration> fixed)
    : m_fixed(fixed),
      m_last_heard(now),
      m_last_heartbeat(now),
      m_mean_us(microseconds(interval) / (1 - kLossBelieved)),
      m_variance_us2(m_mean_us * m_mean_us * kLossBelieved),
      m_samples(kBeliefSamples) {}

void FailureDetector::on_heartbeat(Instant now) {
    const Duration gap = std::max(now - m_last_heartbeat, Duration::zero());
    const bool late = gap > timeout();
    if (!late || m_in_time < kInTimeBetweenFreezes) learn(microseconds(std::min(gap, timeout())));
    m_in_time = late ? 0 : std::min(m_in_time + 1, kInTimeBetweenFreezes);
    m_longest_gap = std::max(m_longest_gap, now - m_last_heartbeat);
    m_last_heartbeat = std::max(m_last_heartbeat, now);
    on_heard(now);
}

void FailureDetector::on_heard(Instant now) {
    m_last_heard = std::max(m_last_heard, now);
}

void FailureDetector::grant(Duration pause, Instant now) {
    m_last_heard = std::min(now, m_last_heard + pause);
    m_last_heartbeat = std::min(now, m_last_heartbeat + pause);
}

// West (1979): mean and variance in one pass; from kWindowSamples on old samples fade.
void FailureDetector::learn(double gap_us) {
    m_samples = std::min(m_samples + 1, kWindowSamples);
    const double rate = 1 / m_samples;
    const double difference = gap_us - m_mean_us;
    m_mean_us += rate * difference;
    m_variance_us2 = (1 - rate) * (m_variance_us2 + rate * difference * difference);
}

Duration FailureDetector::timeout() const {
    if (m_fixed) return *m_fixed;
    const double patience_us =
        std::max(kMeans * m_mean_us, m_mean_us + kDeviations * std::sqrt(m_variance_us2));
    return std::clamp(from_microseconds(patience_us), kTimeoutMin, kTimeoutMax);
}

Instant FailureDetector::deadline(double stretch) const {
    return m_last_heard + from_microseconds(microseconds(timeout()) * stretch);
}

Duration LocalHealth::on_tick(Instant expected, Instant actual) {
    const Duration lateness = actual - expected;
    if (lateness <= kLatenessTolerated) return Duration::zero();
    const double excess = microseconds(lateness) / microseconds(kLatenessUnit);
    m_excess = std::min(kExcessMax, std::max(stretch(actual) - 1, excess));
    m_since = actual;
    return lateness >= kPauseMin ? lateness : Duration::zero();
}

double LocalHealth::stretch(Instant now) const {
    const double half_lives = microseconds(now - m_since) / microseconds(kExcessHalfLife);
    return 1 + m_excess * std::exp2(-std::max(0.0, half_lives));
}

}  // namespace dynavg::discovery
