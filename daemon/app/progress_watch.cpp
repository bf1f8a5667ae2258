#include "daemon/app/progress_watch.hpp"

#include <algorithm>
#include <utility>

namespace dynavg::daemon {

using protocol::Duration;

void ProgressWatch::look(const TrainerPulse& pulse, protocol::Instant now) {
    const Duration since_last = m_last_look ? now - *m_last_look : Duration::zero();
    m_last_look = now;
    const bool progressed = std::exchange(m_progress, pulse.progress) != pulse.progress;
    if (progressed || !pulse.has_work) {
        m_silence = Duration::zero();
    } else {
        m_silence += std::clamp(since_last, Duration::zero(), kLookMax);
    }
    m_bound = pulse.slowest_step == Duration::zero()
                  ? kFirstStepMax
                  : std::max(kBoundMin, kSlowestStepTimes * pulse.slowest_step);
}

}  // namespace dynavg::daemon
