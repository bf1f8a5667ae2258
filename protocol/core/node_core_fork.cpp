#include <algorithm>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"

// Forks: references that have no common past, after a separation with quorum = "none" or where two
// networks that started apart meet (docs/protocol.md, section 6).

namespace dynavg::protocol {

bool NodeCore::is_merging() const {
    return m_round && m_round->evidence().reason == RoundReason::merge;
}

/// A reference that has no place in this peer's history. Whose voters stand behind it is asked for.
void NodeCore::on_fork(const Member& from, const ReferenceId& theirs, Instant now) {
    const auto [place, is_new] = m_forks.try_emplace(from.id);
    Fork& fork = place->second;
    if (is_new) report_fork(from, theirs);
    if (fork.reference != theirs) fork = Fork{theirs, {}, {}, fork.merged_without_us};
    if (fork.voters.empty() && now - fork.asked >= limits::kForkRetryInterval) {
        fork.asked = now;
        m_actions.send.emplace_back(from.id, HistoryRequest{theirs.epoch});
    }
    resolve_forks(now);
}

void NodeCore::report_fork(const Member& from, const ReferenceId& theirs) {
    m_actions.events.push_back(
        Event("fork_detected", Level::warning,
              fmt::format("{} has another reference {} than this peer ever had: its network was "
                          "separated from this one",
                          from.id.fingerprint(), theirs.epoch.value()))
            .with("peer", from.id.fingerprint())
            .with("from_reference", m_reference->id.digest.hex())
            .with("to_reference", theirs.digest.hex())
            .with("source", from.id.fingerprint()));
}

/// Another peer has what this one still merges for, or something later. Whether it holds what this
/// peer has contributed is in the roster of that epoch.
void NodeCore::on_merge_passed(const Member& from, const ReferenceId& theirs, Instant now) {
    const Epoch target = m_round->target();
    const auto fork = m_forks.find(from.id);
    if (fork != m_forks.end() && fork->second.merged_without_us == target) {
        return on_fork(from, theirs, now);
    }
    if (m_pull || is_making(theirs.epoch, now)) return;
    m_pull = Pull{theirs, from.id, {}, false, false, now};
    m_actions.send.emplace_back(from.id, HistoryRequest{target});
}

void NodeCore::on_merge_history(const Member& from, const std::vector<HistoryEntry>& entries,
                                Instant now) {
    const ReferenceId theirs = m_pull->wanted;
    const Epoch target = m_round->target();
    m_pull.reset();
    const HistoryEntry& first = entries.front();
    // Where nobody remembers, rather lost than counted twice.
    if (first.reference.epoch != target || contains(first.roster, m_options.self)) {
        return absorb(from.id, theirs, now);
    }
    m_forks[from.id].merged_without_us = target;
    on_fork(from, theirs, now);
}

void NodeCore::on_fork_history(const Member& from, const std::vector<HistoryEntry>& entries,
                               Instant now) {
    const auto fork = m_forks.find(from.id);
    if (fork == m_forks.end() || entries.back().reference.epoch < fork->second.reference.epoch) {
        return;
    }
    fork->second.reference = entries.back().reference;
    fork->second.voters = voters_of(entries.back());
    resolve_forks(now);
}

/// A side that has no quorum of its own voters is absorbed by one that has; two that have, merge.
void NodeCore::resolve_forks(Instant now) {
    if (m_pull || !m_install_confirmed || m_left) return;
    const bool free_for_all = m_options.averaging.quorum == QuorumRule::none;
    const bool we_may =
        is_observer() ? may_stay_on_own_side() : free_for_all || is_sufficient(live_members());
    for (const auto& [id, fork] : m_forks) {
        const PeerInfo* peer = find_peer(id);
        if (peer == nullptr || !peer->live || fork.voters.empty()) continue;
        if (peer->reference != fork.reference) continue;
        // A merge that others have ended without this peer is begun anew above it.
        if (is_merging() && fork.merged_without_us != m_round->target()) continue;
        const Roster side = live_members_at(fork.reference);
        if (!free_for_all && !has_quorum(as_voters(side), fork.voters)) continue;
        if (!we_may) return absorb(id, fork.reference, now);
        // The merge is the members' business; what comes of it is followed.
        if (is_observer()) return;
        // What is open for an epoch that they are past already ends with the merge.
        return call_round(RoundReason::merge, m_estimate.value_or(Estimate{}), now);
    }
}

/// This peer's own past ends here; what it has learned since the reference stays.
void NodeCore::absorb(const PeerId& source, const ReferenceId& theirs, Instant now) {
    m_pull = Pull{theirs, source, {}, false, true, now};
    m_actions.send.emplace_back(source, HistoryRequest{Epoch(0)});
}

Roster NodeCore::live_members_at(const ReferenceId& reference) const {
    Roster live;
    for (const PeerInfo& peer : m_view.peers) {
        if (peer.live && peer.reference == reference) live.push_back(peer.member);
    }
    return live;
}

/// Everybody at one of the ends of a fork; who is merely behind adopts later.
Roster NodeCore::merge_candidates() const {
    Roster all = live_members();
    for (const auto& [id, fork] : m_forks) {
        for (const Member& member : live_members_at(fork.reference)) all.push_back(member);
    }
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    return all;
}

}  // namespace dynavg::protocol
