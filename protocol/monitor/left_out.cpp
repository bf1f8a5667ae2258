#include "protocol/monitor/left_out.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

namespace {
/// One is no sign: of the two ends of a broken link each is left out of every other round.
constexpr unsigned kTimesInARow = 2;
}  // namespace

void LeftOut::on_commit(const Roster& candidates, const Roster& roster, Instant now) {
    for (const Member& candidate : candidates) {
        if (contains(roster, candidate)) continue;
        Record& record = m_peers[candidate.id];
        ++record.times;
        record.last = now;
    }
    for (const Member& member : roster) m_peers.erase(member.id);
}

bool LeftOut::holds(const PeerId& peer, Instant now) const {
    const auto found = m_peers.find(peer);
    return found != m_peers.end() && found->second.times >= kTimesInARow &&
           now - found->second.last < limits::kLeftOutRetryInterval;
}

}  // namespace dynavg::protocol
