#include "protocol/core/pacer.hpp"

#include <algorithm>

namespace dynavg::protocol {

Pacer::Pacer(Member self, const AveragingSettings& averaging, std::uint32_t start_peers)
    : m_self(self),
      m_lockstep(averaging.pace == Pace::lockstep),
      m_check_every(averaging.steps_between_checks()),
      m_start_peers(start_peers) {}

void Pacer::on_peers(const PeerView& view, const ReferenceId& reference) {
    if (m_started || reference.epoch != Epoch(0)) return;
    Roster live{m_self};
    bool all_at_start = true;
    for (const PeerInfo& peer : view.peers) {
        // Before its first heartbeat nobody knows how far a peer is.
        if (!peer.live || peer.reference != reference) continue;
        live.push_back(peer.member);
        // A peer that waits for this one cannot be past its first check.
        all_at_start &= peer.steps_since_reference <= m_check_every;
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

LockstepPosition Pacer::position() const {
    if (!m_started) return LockstepPosition::not_started;
    return contains(m_members, m_self) ? LockstepPosition::in_step : LockstepPosition::apart;
}

bool Pacer::waits_for(const PeerInfo& peer, const ReferenceId& reference) const {
    const bool apart = peer.position == LockstepPosition::apart && peer.reference == reference;
    return peer.live && !apart && contains(m_members, peer.member);
}

Roster Pacer::live_members(const PeerView& view, const ReferenceId& reference) const {
    Roster live;
    if (contains(m_members, m_self)) live.push_back(m_self);
    for (const PeerInfo& peer : view.peers) {
        if (waits_for(peer, reference)) live.push_back(peer.member);
    }
    std::sort(live.begin(), live.end());
    return live;
}

}  // namespace dynavg::protocol
