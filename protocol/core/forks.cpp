#include "protocol/core/forks.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

ForkHeard Forks::on_reference(const PeerId& from, const ReferenceId& theirs, Instant now) {
    const auto [place, is_new] = m_forks.try_emplace(from);
    Fork& fork = place->second;
    if (fork.reference != theirs) fork = Fork{theirs, {}, {}, fork.merged_without_us};
    const bool ask = fork.voters.empty() && now - fork.asked >= limits::kForkRetryInterval;
    if (ask) fork.asked = now;
    return {is_new, ask};
}

bool Forks::on_history(const PeerId& from, const std::vector<HistoryEntry>& entries) {
    const auto fork = m_forks.find(from);
    if (fork == m_forks.end() || entries.back().reference.epoch < fork->second.reference.epoch) {
        return false;
    }
    fork->second.reference = entries.back().reference;
    fork->second.voters = voters_of(entries.back());
    return true;
}

void Forks::on_merged_without_us(const PeerId& from, Epoch target) {
    m_forks[from].merged_without_us = target;
}

bool Forks::is_at(const PeerId& peer, const ReferenceId& reference) const {
    const auto fork = m_forks.find(peer);
    return fork != m_forks.end() && fork->second.reference == reference;
}

bool Forks::has_merged_without_us(const PeerId& peer, Epoch target) const {
    const auto fork = m_forks.find(peer);
    return fork != m_forks.end() && fork->second.merged_without_us == target;
}

ForkOutcome Forks::resolve(const VoterLookup& voters, std::optional<Epoch> merging,
                           OwnSide own) const {
    for (const auto& [id, fork] : m_forks) {
        const PeerInfo* peer = voters.peers.find(id);
        if (peer == nullptr || !peer->live || fork.voters.empty()) continue;
        if (peer->reference != fork.reference) continue;
        // A merge that others have ended without this peer is begun anew above it.
        if (merging && fork.merged_without_us != merging) continue;
        const Voters side = voters.of(voters.peers.live_at(fork.reference));
        if (m_quorum != QuorumRule::none && !has_quorum(side, fork.voters)) continue;
        if (own == OwnSide::may_not) return Absorb{id, fork.reference};
        return Merge{};
    }
    return std::monostate{};
}

Epoch Forks::last_epoch(Epoch own) const {
    Epoch last = own;
    for (const auto& [id, fork] : m_forks) last = std::max(last, fork.reference.epoch);
    return last;
}

Roster Forks::merge_candidates(const Roster& own, const PeerTable& peers) const {
    Roster all = own;
    for (const auto& [id, fork] : m_forks) {
        for (const Member& member : peers.live_at(fork.reference)) all.push_back(member);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

}  // namespace dynavg::protocol
