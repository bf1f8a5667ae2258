#include <algorithm>
#include <utility>

#include "protocol/base/limits.hpp"
#include "protocol/core/core_events.hpp"
#include "protocol/core/node_core.hpp"

// References that others hold: where each word of one leads, and the install of the next one
// (docs/protocol.md, "Adopt", "Forks" and "Observers").

namespace dynavg::protocol {

// --- what others hold ---------------------------------------------------------------------------

/// Every header tells its sender's reference: the value that this peer is prepared for may be
/// committed.
void NodeCore::on_header(const Member& from, const Header& header, Instant now) {
    if (has_reference(header)) {
        // One more peer may make a round possible.
        if (m_peers.add_holder(from)) evaluate(now);
    } else if (header.epoch > m_reference->epoch) {
        m_peers.remove_holder(from);
    }
    InRound* in = in_round();
    const Epoch awaited = in != nullptr ? in->round.target() : m_reference->epoch.next();
    if (header.epoch != awaited) return;
    m_adoption.on_committed_elsewhere(header.epoch, header.reference_tag);
    if (in == nullptr) return;
    const auto& preparing = m_durability.preparing();
    if (preparing && m_adoption.is_committed_elsewhere(preparing->value->id)) {
        in->round.keep_prepared(preparing->prepared);
        in->prepared_value = preparing->value;
    }
    const ReferencePointer& value = in->prepared_value;
    if (value && m_adoption.is_committed_elsewhere(value->id)) commit(now);
}

/// An observer hears of commits by heartbeats, and by histories how they came about; rounds and
/// states are for members.
void NodeCore::follow(const Member& from, const Header& header, const Message& message,
                      Instant now) {
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        if (has_reference(header)) {
            m_peers.add_holder(from);
            m_departures.hear({from, heartbeat->remembers}, heartbeat->departed);
        }
        on_reference_heard(from, {header.epoch, heartbeat->reference_digest}, now);
    } else if (const auto* history = std::get_if<HistoryReply>(&message)) {
        on_history(from, *history, now);
    }
}

/// A peer's reference is known here, or behind, or on another side of a fork, or news to be pulled.
void NodeCore::on_reference_heard(const Member& from, const ReferenceId& theirs, Instant now) {
    if (m_history.holds(theirs) || theirs.epoch == Epoch(0)) return m_forks.end(from.id);
    // References that the others make after this peer has left are not its concern.
    if (m_left) return;
    if (is_merging()) {
        if (theirs.epoch >= round()->target()) on_merge_passed(from, theirs, now);
        return;
    }
    if (theirs.epoch <= m_reference->epoch) {
        // A peer whose reference is older than all that is remembered here will adopt.
        if (m_history.find(theirs.epoch) != nullptr) on_fork(from, theirs, now);
        return;
    }
    if (m_forks.is_at(from.id, theirs)) return on_fork(from, theirs, now);
    if (m_adoption.is_pulling() || is_making(theirs.epoch, now)) return;
    pull(theirs, from.id, Past::common, m_reference->epoch, now);
}

/// An exchange that goes well gives the same bits as a pull for half the bytes.
bool NodeCore::is_making(Epoch epoch, Instant now) const {
    const auto* in = std::get_if<InRound>(&m_phase);
    return in != nullptr && in->exchanging && in->round.target() == epoch &&
           now - in->last_progress < limits::kPullTimeout;
}

// --- pulls --------------------------------------------------------------------------------------

void NodeCore::pull(const ReferenceId& wanted, const PeerId& source, Past past, Epoch after,
                    Instant now) {
    send(source, m_adoption.pull(wanted, source, past, after, now));
}

void NodeCore::on_history(const Member& from, const HistoryReply& reply, Instant now) {
    if (!is_consistent(reply.entries)) return;
    if (!m_adoption.awaits_history_of(from.id)) {
        if (m_forks.on_history(from.id, reply.entries)) resolve_forks(now);
        return;
    }
    if (is_merging() && m_adoption.past() == Past::common) {
        return on_merge_history(from, reply.entries.front(), now);
    }
    const PageOutcome outcome = m_adoption.on_page(reply.entries, m_reference->id, now);
    if (const auto* next_page = std::get_if<HistoryRequest>(&outcome)) {
        send(from.id, *next_page);
    } else if (const auto* order = std::get_if<PullOrder>(&outcome)) {
        m_actions.pull = *order;
    } else if (const auto* fork = std::get_if<ForkFound>(&outcome)) {
        on_fork(from, fork->theirs, now);
    }
}

void NodeCore::on_pulled(ReferencePointer reference, Instant now) {
    if (const auto adopted = m_adoption.on_pulled(reference->id)) {
        if (adopted->past == Past::other) {
            m_history.replace(adopted->entries);
        } else {
            for (const HistoryEntry& entry : adopted->entries) m_history.add(entry);
        }
        report(adopted_event(adopted->source, m_reference->id, reference->id, m_options.role));
        m_departures.drop_named();
        return install(std::move(reference), now);
    }
    // It may be the value that finish() has asked for.
    if (round() == nullptr || reference->epoch != round()->target() || !settled()) return;
    const auto best = round()->best_prepared();
    if (best && best->digest == reference->id.digest && !round()->prepared_in_this_ballot()) {
        write_prepared({round()->ballot(), best->digest, best->roster, best->leaving},
                       std::move(reference), now);
    }
}

void NodeCore::on_pull_failed(const Error& error, Instant) {
    Event event("pull_failed", Level::warning, error.message + "; another source will be asked");
    if (m_adoption.is_pulling()) event.with("peer", m_adoption.source().fingerprint());
    report(std::move(event));
    m_adoption.drop_pull();
    if (InRound* in = in_round()) in->asked_value.reset();
}

// --- forks --------------------------------------------------------------------------------------

/// A reference that has no place in this peer's history. Its history is asked for, to learn its
/// voters.
void NodeCore::on_fork(const Member& from, const ReferenceId& theirs, Instant now) {
    const ForkHeard heard = m_forks.on_reference(from.id, theirs, now);
    if (heard.is_new) report(fork_detected_event(from.id, m_reference->id, theirs));
    if (heard.ask) send(from.id, HistoryRequest{theirs.epoch});
    resolve_forks(now);
}

/// Another peer has what this one still merges for, or something later. Whether it holds what this
/// peer has contributed is in the roster of that epoch.
void NodeCore::on_merge_passed(const Member& from, const ReferenceId& theirs, Instant now) {
    const Epoch target = round()->target();
    if (m_forks.has_merged_without_us(from.id, target)) return on_fork(from, theirs, now);
    if (m_adoption.is_pulling() || is_making(theirs.epoch, now)) return;
    pull(theirs, from.id, Past::common, target, now);
}

/// `first` is the source's entry of the merge's epoch, or of the first one after it that anybody
/// remembers.
void NodeCore::on_merge_history(const Member& from, const HistoryEntry& first, Instant now) {
    const ReferenceId theirs = m_adoption.wanted();
    const Epoch target = round()->target();
    m_adoption.drop_pull();
    // Where nobody remembers, rather lost than counted twice.
    if (first.reference.epoch != target || contains(first.roster, m_options.self)) {
        return pull(theirs, from.id, Past::other, Epoch(0), now);
    }
    m_forks.on_merged_without_us(from.id, target);
    on_fork(from, theirs, now);
}

void NodeCore::resolve_forks(Instant now) {
    if (m_adoption.is_pulling() || !m_trainer.has_reference || m_left) return;
    // Where its network has split, an observer stays with a side that is there and may go on.
    const bool is_alone = is_observer() && m_peers.live_at(m_reference->id).empty();
    const bool may_go_on = !is_alone && quorum().is_sufficient(live_members());
    std::optional<Epoch> merging;
    if (is_merging()) merging = round()->target();
    const ForkOutcome outcome = m_forks.resolve(quorum().voters, merging,
                                                may_go_on ? OwnSide::may_go_on : OwnSide::may_not);
    if (const auto* absorb = std::get_if<Absorb>(&outcome)) {
        // This peer's own past ends here; its drift since the reference stays.
        return pull(absorb->reference, absorb->source, Past::other, Epoch(0), now);
    }
    // The merge is the members' business; an observer follows its outcome.
    if (!std::holds_alternative<Merge>(outcome) || is_observer()) return;
    // A round for an epoch that they are past already ends with the merge.
    call_round(RoundReason::merge, now);
}

// --- install ------------------------------------------------------------------------------------

/// Before the move to the reference of epoch `next`; the history tells it already.
void NodeCore::note_missed_rounds(Epoch next, Instant now) {
    const Round* open = round();
    const HistoryEntry* entry = m_history.find(open != nullptr ? open->target() : next);
    if (entry == nullptr) return;
    Roster candidates;
    if (open != nullptr) candidates = open->sets().candidates;
    // A peer that heard of the round too late knows at least of itself.
    if (next == m_reference->epoch.next() && !contains(candidates, m_options.self)) {
        candidates.push_back(m_options.self);
    }
    m_judgement.on_commit(candidates, entry->roster, now);
}

/// Moves to a later reference, over several epochs at once too; the history tells them already.
/// Ends the round and the pull, and whatever was asked or was to be said under the one before.
void NodeCore::install(ReferencePointer reference, Instant now) {
    const Spent spent = m_frozen_drift.spent_by(reference->epoch, m_history);
    note_missed_rounds(reference->epoch, now);
    const InRound* ended = in_round();
    const bool asks = m_adoption.is_pulling() || (ended != nullptr && ended->asked_value);
    const ReferencePointer before = std::exchange(m_reference, reference);
    if (auto event = threshold_set_event(*before, *m_reference)) report(std::move(*event));

    m_actions.install = Install{std::move(reference), spent};
    m_actions.freeze.reset();
    m_actions.prepared = ReferencePointer{};
    if (asks) m_actions.abort_pull = true;
    m_actions.pull.reset();
    m_actions.balance.reset();
    m_actions.write_prepared.reset();
    retract<RoundState>(m_actions);
    m_actions.heartbeat_now = true;

    const HistoryEntry& entry = m_history.last();
    if (spent == Spent::frozen) m_trainer.steps_since_reference = 0;
    m_trainer.has_reference = false;
    m_phase = Training{};
    m_peers.on_reference();
    m_pacer.on_reference(entry.roster);
    m_judgement.on_reference(*m_reference);
    m_durability.on_reference();
    m_departures.on_roster(voters_of(entry), entry.roster, m_peers);
    m_frozen_drift.on_reference();
    m_adoption.on_reference();
    m_forks.clear();
    m_left = m_leaving && contains(entry.leaving, m_options.self);
    discount_who_has_left();
    replay_early_messages(now);
}

/// Peers that were faster have spoken of this reference already.
void NodeCore::replay_early_messages(Instant now) {
    for (const auto& [id, early] : m_adoption.take_early()) {
        if (early.state && has_reference(early.state->first)) {
            on_state(early.from, early.state->first, early.state->second, now);
        }
        if (early.round && early.round->reference == m_reference->id) {
            on_round_state(early.from, *early.round, now);
        }
    }
}

}  // namespace dynavg::protocol
