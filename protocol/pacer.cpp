#include "protocol/pacer.hpp"

#include <algorithm>

namespace dynavg::protocol {

Pacer::Pacer(Member self, const AveragingSettings& averaging, std::uint32_t start_peers)
    : m_self(self),
      m_lockstep(averaging.pace == Pace::lockstep),
      m_start_peers(start_peers) {}

void Pacer::on_peers(const PeerView& view, Epoch epoch) {
    if (m_started || epoch != Epoch(0)) return;
    Roster live{m_self};
    bool all_at_start = true;
    for (const PeerInfo& peer : view.peers) {
        if (!peer.live || peer.reference.epoch != Epoch(0)) continue;
        live.push_back(peer.member);
        // Who waits for this peer cannot have done its second step.
        all_at_start &= peer.steps_since_reference <= 1;
    }
    if (live.size() < m_start_peers) return;
    m_started = true;
    if (m_lockstep && all_at_start) {
        std::sort(live.begin(), live.end());
        m_members = std::move(live);
    }
}

void Pacer::on_reference(const Roster& roster) {
    m_started = true;
    if (m_lockstep) m_members = roster;
}

Roster Pacer::live_members(const PeerView& view) const {
    Roster live;
    for (const Member& member : m_members) {
        const bool counts =
            member == m_self || std::any_of(view.peers.begin(), view.peers.end(),
                                            [&member](const PeerInfo& peer) {
                                                return peer.member == member && peer.live;
                                            });
        if (counts) live.push_back(member);
    }
    return live;
}

}  // namespace dynavg::protocol
