#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "protocol/base/instant.hpp"

namespace dynavg::daemon {

/// The trainer as it is seen at one moment.
struct TrainerPulse {
    std::uint64_t progress = 0;  ///< Grows with every step, install or other work that is done.
    bool has_work = false;       ///< It is asked for more: waiting for a permit is no work.
    protocol::Duration slowest_step{};  ///< Of those it still remembers; zero before the first.
};

/// Tells a trainer that hangs from one whose steps are long, so that the service manager's watchdog
/// is fed by progress and not by mere existence.
///
/// A trainer hangs if it has work and gets nothing done for longer than a bound, which is learned:
/// a multiple of the slowest step seen, at least kBoundMin; the first step, of which nothing is
/// known, gets kFirstStepMax. Waiting for peers, for a round, in lockstep or after the last step
/// is no work and never a hang.
///
/// Only time in which this process was seen running counts: of the time between two looks at most
/// kLookMax. A process that was stopped or starved as a whole has no right to accuse a part of
/// itself.
///
/// Pure, O(1); one thread.
class ProgressWatch {
public:
    static constexpr protocol::Duration kLookInterval = std::chrono::seconds(1);
    static constexpr protocol::Duration kLookMax = 2 * kLookInterval;
    static constexpr protocol::Duration kBoundMin = std::chrono::seconds(30);
    static constexpr protocol::Duration kFirstStepMax = std::chrono::minutes(15);
    static constexpr int kSlowestStepTimes = 20;

    /// About every kLookInterval.
    void look(const TrainerPulse& pulse, protocol::Instant now);

    [[nodiscard]] bool is_stuck() const { return m_silence > m_bound; }
    /// With work and without progress, as far as it counts.
    [[nodiscard]] protocol::Duration silence() const { return m_silence; }
    /// How long a silence may be.
    [[nodiscard]] protocol::Duration bound() const { return m_bound; }

private:
    std::optional<protocol::Instant> m_last_look;
    std::uint64_t m_progress = 0;
    protocol::Duration m_silence{};
    protocol::Duration m_bound = kFirstStepMax;
};

}  // namespace dynavg::daemon
