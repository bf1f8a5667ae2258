#pragma once

#include <optional>

#include "protocol/base/instant.hpp"

namespace dynavg::discovery {

/// Learns how regularly one peer's heartbeats arrive and says how long it may be silent.
///
/// Jacobson's estimator (SIGCOMM 1988, the one behind TCP's timeouts) with wide margins: the
/// timeout is max(6 mean, mean + 14 deviations) of the time between arrivals, within [1.5 s, 30 s].
/// Regular arrivals every 500 ms give 3 s. At 30 % loss mean and deviation grow to 714 ms and 391
/// ms, and the timeout to about 6.2 s: a dozen in a row must be lost. It begins as if 30 % were
/// lost and unlearns that within about a dozen arrivals.
class FailureDetector {
public:
    /// `interval`: of the heartbeats, as far as one knows. Counts as heard `now`.
    /// `fixed`, for tests and simulations: this timeout instead of the learned one.
    FailureDetector(protocol::Duration interval, protocol::Instant now,
                    std::optional<protocol::Duration> fixed = std::nullopt);

    /// A new heartbeat; the time since the last one is learned. A freeze must not teach us to
    /// accept freezes: a gap longer than the timeout counts as the timeout, and not at all if it is
    /// the first in a while.
    void on_heartbeat(protocol::Instant now);
    /// Any other sign of life.
    void on_heard(protocol::Instant now);
    /// This process itself stood still: messages of that time may still lie in our queues.
    void grant(protocol::Duration pause, protocol::Instant now);

    [[nodiscard]] protocol::Instant last_heard() const { return m_last_heard; }
    /// The longest time between two heartbeats, for the operator; own pauses left out.
    [[nodiscard]] protocol::Duration longest_gap() const { return m_longest_gap; }
    [[nodiscard]] protocol::Duration timeout() const;
    /// Moment from which the peer is suspected.
    [[nodiscard]] protocol::Instant deadline(double stretch) const;

private:
    void learn(double gap_us);

    std::optional<protocol::Duration> m_fixed;
    protocol::Instant m_last_heard;
    protocol::Instant m_last_heartbeat;
    protocol::Duration m_longest_gap{};
    double m_mean_us;
    double m_variance_us2;
    double m_samples;
    int m_in_time = 0;  ///< Heartbeats since the last one that was later than the timeout.
};

/// Lifeguard's lesson (Dadgar et al. 2018): a node that is late itself must not blame others. A
/// timer that fires late stretches all suspicion timeouts, which then relax within about half a
/// minute.
class LocalHealth {
public:
    /// A timer due at `expected` was served at `actual`. Returns how long this process stood still,
    /// if that is long enough to matter (else zero): all detectors are then granted it.
    [[nodiscard]] protocol::Duration on_tick(protocol::Instant expected, protocol::Instant actual);
    /// Factor on all timeouts, 1 to 4.
    [[nodiscard]] double stretch(protocol::Instant now) const;

private:
    double m_excess = 0;  ///< stretch - 1 at m_since; halves every ten seconds.
    protocol::Instant m_since{};
};

}  // namespace dynavg::discovery
