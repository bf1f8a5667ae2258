#include <algorithm>

#include <fmt/format.h>

#include "protocol/core/node_core.hpp"

// What a peer may not forget: its promises, what it is prepared for, whom it has let go
// (docs/protocol.md, sections 4 and 6). Nothing is said before it is on disk.

namespace dynavg::protocol {

void NodeCore::restore(const RestoredCore& restored) {
    m_reference = restored.reference;
    m_history = History(restored.history);
    m_electorate = Electorate(voters_of(m_history.last()));
    m_monitor.reset();
    if (m_reference->epoch > Epoch(0)) m_pacer.on_restart();
    if (restored.drift_since) m_given = Given{*restored.drift_since, restored.frozen_for};
    // Without its promises an earlier life's vote is lost: this peer is a stranger.
    if (!restored.promise) return;
    const Promise& promise = *restored.promise;
    m_promise = promise;
    if (promise.target == m_reference->epoch.next()) {
        m_departing.insert(promise.departed.begin(), promise.departed.end());
        m_to_forget = m_departing;
        m_electorate.acknowledge(promise.departed, {m_options.self, promise.remembers});
    }
    m_prepared_before = restored.prepared;
}

/// Before this peer speaks in an attempt, and before it counts a vote no more.
void NodeCore::order_promise() {
    Promise promise;
    promise.incarnation = m_options.self.incarnation;
    promise.remembers = m_promise.remembers;
    promise.target = m_round ? m_round->target() : m_reference->epoch.next();
    promise.attempt = m_round ? m_round->attempt() : Attempt(0);
    // An earlier life's promise for this target holds until this life makes its own.
    if (!m_round && m_promise.target == promise.target) promise.attempt = m_promise.attempt;
    promise.departed.assign(m_departing.begin(), m_departing.end());
    if (m_options.durable) {
        m_actions.write_promise = std::move(promise);
    } else {
        m_promise = std::move(promise);
    }
}

void NodeCore::on_promise_written(const Promise& promise, Instant now) {
    m_promise = promise;
    const bool current = std::equal(promise.departed.begin(), promise.departed.end(),
                                    m_departing.begin(), m_departing.end());
    if (current && !promise.departed.empty()) {
        m_electorate.acknowledge(promise.departed, {m_options.self, promise.remembers});
        m_actions.heartbeat_now = true;
        report_departures();
    }
    if (!may_speak()) return;
    publish_round();
    commit_if_acknowledged(now);
    proceed(now);
}

/// This life has promised the attempt that it is in.
bool NodeCore::may_speak() const {
    return m_round && m_promise.incarnation == m_options.self.incarnation &&
           m_promise.target == m_round->target() && m_promise.attempt == m_round->attempt();
}

void NodeCore::keep_what_an_earlier_life_prepared(Round& round) {
    if (!m_prepared_before || m_prepared_before->value->epoch != round.target()) return;
    round.keep_prepared(m_prepared_before->prepared);
    m_prepared_value = m_prepared_before->value;
    m_actions.prepared = m_prepared_value;
}

void NodeCore::write_prepared(Prepared prepared, ReferencePointer value, Instant now) {
    PreparedRecord record{std::move(prepared), std::move(value)};
    if (is_committed_elsewhere(record.value) || !m_options.durable)
        return become_prepared(record, now);
    m_actions.write_prepared = record;
    m_preparing = std::move(record);
}

void NodeCore::on_prepared_written(const Prepared& prepared, Instant now) {
    if (!m_round || !m_preparing || m_preparing->prepared != prepared) return;
    const PreparedRecord record = *std::exchange(m_preparing, std::nullopt);
    // The sets have grown meanwhile: it was never announced, and is prepared anew.
    if (prepared.ballot != m_round->ballot() || m_round->prepared_in_this_ballot()) {
        return proceed(now);
    }
    become_prepared(record, now);
}

void NodeCore::become_prepared(const PreparedRecord& record, Instant now) {
    m_round->prepare(record.prepared);
    m_prepared_value = record.value;
    m_actions.prepared = m_prepared_value;
    publish_round();
    if (is_committed_elsewhere(m_prepared_value)) return commit(now);
    commit_if_acknowledged(now);
}

// --- those who will not come back ---------------------------------------------------------------

bool NodeCore::forget(const PeerId& peer, Instant now) {
    // Nobody counts the word of one who has no vote itself.
    if (is_observer() || !m_electorate.holds(m_options.self.id)) return false;
    if (!m_electorate.holds(peer) || peer == m_options.self.id) return false;
    m_to_forget.insert(peer);
    acknowledge_departures();
    evaluate(now);
    return true;
}

bool NodeCore::has_live_voter(const PeerId& peer) const {
    const PeerInfo* info = find_peer(peer);
    if (info == nullptr || !info->live) return false;
    return std::any_of(roster().begin(), roster().end(), [&](const Member& member) {
        return member.id == peer && info->remembers <= member.incarnation;
    });
}

/// Whoever is prepared may have been the last one that a commit needed: it finishes first. It can't
/// where those that it would need are the ones to be let go: then it lets them go, and the rest
/// finishes what it has prepared.
void NodeCore::acknowledge_departures() {
    if (is_observer()) return;
    for (const PeerId& peer : m_electorate.proposed()) {
        if (peer != m_options.self.id) m_to_forget.insert(peer);
    }
    // Who is back is not gone, whatever was said.
    std::erase_if(m_to_forget, [this](const PeerId& peer) { return has_live_voter(peer); });
    const bool is_prepared = m_round && m_round->prepared();
    if (m_preparing || (is_prepared && may_hold_a_round(live_peers()))) return;
    std::set<PeerId> all = m_to_forget;
    std::erase_if(all, [this](const PeerId& peer) {
        return m_departing.contains(peer) || !m_electorate.holds(peer);
    });
    if (all.empty()) return;
    m_departing.merge(all);
    order_promise();
    if (m_options.durable) return;
    m_electorate.acknowledge(m_promise.departed, {m_options.self, m_promise.remembers});
    m_actions.heartbeat_now = true;
    report_departures();
}

void NodeCore::report_departures() {
    const std::size_t left = m_electorate.body().size();
    if (m_reported_body == left) return;
    m_reported_body = left;
    for (const PeerId& peer : m_departing) {
        if (!m_electorate.has_departed(peer)) continue;
        m_actions.events.push_back(
            Event("peer_forgotten", Level::warning,
                  fmt::format("{} is not waited for any more: {} peers vote on the next reference",
                              peer.fingerprint(), left))
                .with("peer", peer.fingerprint())
                .with("voters", left));
    }
}

}  // namespace dynavg::protocol
