#include "protocol/core/core_events.hpp"
#include "protocol/core/node_core.hpp"

// Records that must be on disk before they are told, and departures (docs/protocol.md, "Promises on
// disk" and "Forget").

namespace dynavg::protocol {

// --- promises -----------------------------------------------------------------------------------

/// This life has promised the attempt that it is in.
bool NodeCore::may_speak() const {
    return round() != nullptr && m_durability.may_speak_in(round()->target(), round()->attempt());
}

/// Before this peer speaks in an attempt, and before it counts a vote no more.
void NodeCore::order_promise() {
    const Epoch target = round() != nullptr ? round()->target() : m_reference->epoch.next();
    std::optional<Attempt> attempt;
    if (round() != nullptr) attempt = round()->attempt();
    auto promise = m_durability.order_promise(target, attempt, m_departures.departing());
    if (promise) m_actions.write_promise = std::move(promise);
}

void NodeCore::on_promise_written(const Promise& promise, Instant now) {
    m_durability.on_promise_written(promise);
    carry_out_departures(promise);
    if (!may_speak()) return;
    publish_round();
    commit_if_acknowledged(now);
    proceed(now);
}

// --- the prepared value -------------------------------------------------------------------------

/// A value that another peer has committed needs no promise.
void NodeCore::write_prepared(Prepared prepared, ReferencePointer value, Instant now) {
    PreparedRecord record{std::move(prepared), std::move(value)};
    const bool committed = m_adoption.is_committed_elsewhere(record.value->id);
    if (committed || !m_durability.has_disk()) return become_prepared(record, now);
    m_actions.write_prepared = m_durability.order_prepared(std::move(record));
}

void NodeCore::on_prepared_written(const Prepared& prepared, Instant now) {
    if (round() == nullptr) return;
    const auto record = m_durability.on_prepared_written(prepared);
    if (!record) return;
    // The sets have grown meanwhile: the value was never announced, and is prepared anew.
    if (prepared.ballot != round()->ballot() || round()->prepared_in_this_ballot()) {
        return proceed(now);
    }
    become_prepared(*record, now);
}

void NodeCore::become_prepared(const PreparedRecord& record, Instant now) {
    InRound& in = *in_round();
    in.round.prepare(record.prepared);
    in.prepared_value = record.value;
    in.prepared_at = now;
    m_actions.prepared = record.value;
    publish_round();
    if (m_adoption.is_committed_elsewhere(record.value->id)) return commit(now);
    commit_if_acknowledged(now);
}

// --- those who will not come back ---------------------------------------------------------------

bool NodeCore::has_live_voter(const PeerId& peer) const {
    return protocol::has_live_voter(peer, roster(), m_peers);
}

bool NodeCore::forget(const PeerId& peer, Instant now) {
    // Nobody counts the word of a peer that has no vote itself.
    if (is_observer() || !electorate().holds(m_options.self.id)) return false;
    if (!electorate().holds(peer) || peer == m_options.self.id) return false;
    m_departures.name(peer);
    acknowledge_departures();
    evaluate(now);
    return true;
}

/// A peer that is prepared may have been the last one that a commit needed: it finishes first. It
/// can't where those that it would need are the ones to be let go: then it lets them go, and the
/// rest finishes what it has prepared.
void NodeCore::acknowledge_departures() {
    if (is_observer()) return;
    m_departures.review(roster(), m_peers);
    const bool is_prepared = round() != nullptr && round()->prepared();
    if (m_durability.preparing() || (is_prepared && may_hold_a_round(m_peers.live()))) return;
    if (!m_departures.let_go()) return;
    order_promise();
    if (!m_durability.has_disk()) carry_out_departures(m_durability.promise());
}

/// The promise is kept: this peer counts the votes in it no more.
void NodeCore::carry_out_departures(const Promise& written) {
    if (!m_departures.acknowledge(written)) return;
    m_actions.heartbeat_now = true;
    report_departures();
}

void NodeCore::report_departures() {
    for (Event& event : m_departures.report()) report(std::move(event));
}

}  // namespace dynavg::protocol
