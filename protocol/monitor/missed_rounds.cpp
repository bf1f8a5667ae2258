#include "protocol/monitor/missed_rounds.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

namespace {
/// One missed round is no sign: of the two ends of a broken link each misses every other round.
constexpr unsigned kTimesInARow = 2;
}  // namespace

void MissedRounds::on_commit(const Roster& candidates, const Roster& roster, Instant now) {
    for (const Member& candidate : candidates) {
        if (contains(roster, candidate)) continue;
        Record& record = m_peers[candidate.id];
        ++record.times;
        record.last = now;
    }
    for (const Member& member : roster) m_peers.erase(member.id);
}

bool MissedRounds::ignores_drift_of(const PeerId& peer, Instant now) const {
    const auto found = m_peers.find(peer);
    return found != m_peers.end() && found->second.times >= kTimesInARow &&
           now - found->second.last < limits::kMissedRoundsRetryInterval;
}

}  // namespace dynavg::protocol
