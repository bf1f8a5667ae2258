#include "protocol/core/peer_table.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

bool PeerTable::update(const PeerView& view) {
    const bool same_peers =
        std::equal(m_view.peers.begin(), m_view.peers.end(), view.peers.begin(), view.peers.end(),
                   [](const PeerInfo& a, const PeerInfo& b) { return a.member == b.member; });
    m_view = view;
    if (same_peers) return false;
    m_places.clear();
    for (std::size_t i = 0; i < m_view.peers.size(); ++i) {
        m_places.emplace(m_view.peers[i].member.id, i);
    }
    std::erase_if(m_holders, [this](const Member& member) { return find(member.id) == nullptr; });
    return true;
}

void PeerTable::discount(const Roster& leaving) {
    for (PeerInfo& peer : m_view.peers) {
        if (contains(leaving, peer.member)) peer.live = false;
    }
}

const PeerInfo* PeerTable::find(const PeerId& id) const {
    const auto found = m_places.find(id);
    return found == m_places.end() ? nullptr : &m_view.peers[found->second];
}

Roster PeerTable::live() const {
    Roster live{m_self};
    for (const PeerInfo& peer : m_view.peers) {
        if (peer.live) live.push_back(peer.member);
    }
    std::sort(live.begin(), live.end());
    return live;
}

Roster PeerTable::live_holders(const ReferenceId& reference) const {
    Roster live{m_self};
    for (const PeerInfo& peer : m_view.peers) {
        const bool same = peer.reference == reference || m_holders.contains(peer.member);
        if (peer.live && same) live.push_back(peer.member);
    }
    std::sort(live.begin(), live.end());
    return live;
}

Roster PeerTable::live_at(const ReferenceId& reference) const {
    Roster live;
    for (const PeerInfo& peer : m_view.peers) {
        if (peer.live && peer.reference == reference) live.push_back(peer.member);
    }
    return live;
}

Instant PeerTable::first_heartbeats_until() const {
    Instant until{};
    for (const PeerInfo& peer : m_view.peers) {
        if (!peer.live || m_holders.contains(peer.member)) continue;
        if (peer.reference.epoch > Epoch(0)) return kNever;
        if (!peer.is_unheard()) continue;
        until = std::max(until, peer.joined_at + limits::kFirstHeartbeatPatience);
    }
    return until;
}

Duration PeerTable::suspicion_timeout_max() const {
    Duration most = limits::kSuspicionTimeoutDefault;
    for (const PeerInfo& peer : m_view.peers) {
        if (peer.live) most = std::max(most, peer.suspicion_timeout);
    }
    return most;
}

bool has_live_voter(const PeerId& peer, const Roster& roster, const PeerTable& peers) {
    const PeerInfo* info = peers.find(peer);
    if (info == nullptr || !info->live) return false;
    return std::any_of(roster.begin(), roster.end(), [&](const Member& member) {
        return member.id == peer && info->remembers <= member.incarnation;
    });
}

}  // namespace dynavg::protocol
