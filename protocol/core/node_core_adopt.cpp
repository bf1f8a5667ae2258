#include <algorithm>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"

// References that others have committed: adopt and re-base (docs/protocol.md, section 6).

namespace dynavg::protocol {

namespace {

/// Epochs grow, and every one but the first has a roster behind it.
bool is_consistent(const std::vector<HistoryEntry>& entries) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const Epoch epoch = entries[i].reference.epoch;
        if (i > 0 && epoch <= entries[i - 1].reference.epoch) return false;
        if (epoch > Epoch(0) && entries[i].roster.empty()) return false;
        if (epoch.next() < epoch) return false;
    }
    return !entries.empty();
}

}  // namespace

/// Every header tells its sender's reference: what this peer is prepared for may be committed.
void NodeCore::on_header(const Member& from, const Header& header, Instant now) {
    if (has_reference(header)) {
        // One more peer may make a round possible.
        if (m_same_reference.insert(from).second) evaluate(now);
    } else if (header.epoch > m_reference->epoch) {
        m_same_reference.erase(from);
    }
    const Epoch awaited = m_round ? m_round->target() : m_reference->epoch.next();
    if (header.epoch != awaited) return;
    m_committed_elsewhere = {header.epoch, header.reference_tag};
    if (!m_round) return;
    if (m_preparing && is_committed_elsewhere(m_preparing->value)) {
        m_round->keep_prepared(m_preparing->prepared);
        m_prepared_value = m_preparing->value;
    }
    if (is_committed_elsewhere(m_prepared_value)) commit(now);
}

void NodeCore::on_reference_heard(const Member& from, ReferenceId reference, Instant now) {
    if (m_history.holds(reference) || reference.epoch == Epoch(0)) {
        m_forks.erase(from.id);
        return;
    }
    // What others go on with after it has left is not its concern.
    if (m_left) return;
    if (is_merging()) {
        if (reference.epoch >= m_round->target()) on_merge_passed(from, reference, now);
        return;
    }
    if (reference.epoch <= m_reference->epoch) {
        // Who is older than what is remembered here will adopt.
        if (m_history.find(reference.epoch) != nullptr) on_fork(from, reference, now);
        return;
    }
    const auto fork = m_forks.find(from.id);
    if (fork != m_forks.end() && fork->second.reference == reference) {
        return on_fork(from, reference, now);
    }
    if (m_pull || is_making(reference.epoch, now)) return;
    m_pull = Pull{reference, from.id, {}, false, false, now};
    m_actions.send.emplace_back(from.id, HistoryRequest{m_reference->epoch});
}

/// An exchange that goes well gives the same bits as a pull for half the bytes.
bool NodeCore::is_making(Epoch epoch, Instant now) const {
    return m_round && m_exchanging && m_round->target() == epoch &&
           now - m_last_progress < limits::kPullTimeout;
}

/// A page of the source's history; it is told from this peer's reference on, page by page, so that
/// no epoch is missing.
void NodeCore::on_history(const Member& from, const HistoryReply& reply, Instant now) {
    if (!is_consistent(reply.entries)) return;
    if (!m_pull || m_pull->source != from.id || m_pull->history_is_complete) {
        return on_fork_history(from, reply.entries, now);
    }
    if (is_merging() && !m_pull->absorbs) return on_merge_history(from, reply.entries, now);
    std::vector<HistoryEntry>& entries = m_pull->entries;
    const HistoryEntry& first = reply.entries.front();
    if (entries.empty()) {
        const bool other_past =
            first.reference.epoch == m_reference->epoch && first.reference != m_reference->id;
        if (!m_pull->absorbs && m_reference->epoch > Epoch(0) && other_past) {
            const ReferenceId theirs = m_pull->wanted;
            m_pull.reset();
            return on_fork(from, theirs, now);
        }
        // Nobody remembers what came after this peer's reference.
        if (first.reference.epoch > m_reference->epoch) m_pull->absorbs = true;
        entries = reply.entries;
    } else {
        // Each page begins with the last entry of the one before.
        if (first.reference != entries.back().reference) return m_pull.reset();
        entries.insert(entries.end(), reply.entries.begin() + 1, reply.entries.end());
    }
    m_pull->since = now;
    const ReferenceId newest = entries.back().reference;
    if (reply.entries.size() == limits::kHistoryEntriesPerMessageMax) {
        m_actions.send.emplace_back(from.id, HistoryRequest{newest.epoch});
        return;
    }
    if (newest.epoch < m_pull->wanted.epoch) return m_pull.reset();
    m_pull->wanted = newest;
    m_pull->history_is_complete = true;
    m_actions.pull = PullOrder{newest, from.id};
}

void NodeCore::on_pulled(ReferencePointer reference, Instant now) {
    if (m_pull && m_pull->wanted == reference->id && m_pull->history_is_complete) {
        const PeerId source = m_pull->source;
        const ReferenceId before = m_reference->id;
        if (m_pull->absorbs) {
            m_history.replace(m_pull->entries);
        } else {
            for (const HistoryEntry& entry : m_pull->entries) m_history.add(entry);
        }
        m_actions.events.push_back(
            Event("adopted", Level::info,
                  fmt::format("reference {} was adopted from {}{}", reference->epoch.value(),
                              source.fingerprint(),
                              is_observer() ? "" : "; local training goes on from it"))
                .with("from_reference", before.digest.hex())
                .with("to_reference", reference->id.digest.hex())
                .with("source", source.fingerprint()));
        m_to_forget.clear();  // They may have come back where this peer was not.
        return install(std::move(reference), now);
    }
    if (!m_round || reference->epoch != m_round->target() || !settled()) return;
    const auto best = m_round->best_prepared();
    if (best && best->digest == reference->id.digest && !m_round->prepared_in_this_ballot()) {
        write_prepared({m_round->ballot(), best->digest, best->roster, best->leaving},
                       std::move(reference), now);
    }
}

void NodeCore::on_pull_failed(const Error& error, Instant) {
    Event event("pull_failed", Level::warning, error.message + "; another source will be asked");
    if (m_pull) event.with("peer", m_pull->source.fingerprint());
    m_actions.events.push_back(std::move(event));
    m_pull.reset();
    m_asked_value.reset();
}

/// What was frozen is spent if the roster of the epoch that it was frozen for held this peer; what
/// a restart brought back, if a later roster held an earlier life of it. Where the history does not
/// reach back so far, nobody can know: rather lost than counted twice.
Spent NodeCore::spent_by(Epoch upto) const {
    if (m_frozen_for && *m_frozen_for <= upto) {
        const HistoryEntry* frozen = m_history.find(*m_frozen_for);
        if (frozen == nullptr || contains(frozen->roster, m_options.self)) return Spent::frozen;
    }
    if (!m_given) return Spent::nothing;
    const auto later = m_history.between(m_given->drift_since.next(), upto);
    const Unspent unspent =
        unspent_of(m_given->drift_since, m_given->frozen_for, later, m_options.self);
    return unspent == Unspent::all ? Spent::nothing : Spent::given;
}

/// Before the move to that reference; the history tells it already.
void NodeCore::note_missed_rounds(Epoch next, Instant now) {
    const HistoryEntry* entry = m_history.find(m_round ? m_round->target() : next);
    if (entry == nullptr) return;
    Roster candidates = m_round ? m_round->sets().candidates : Roster();
    // Who heard of the round too late knows at least of itself.
    if (next == m_reference->epoch.next() && !contains(candidates, m_options.self)) {
        candidates.push_back(m_options.self);
    }
    m_missed_rounds.on_commit(candidates, entry->roster, now);
}

/// Moves to a later reference, over several epochs at once too; the history tells them already.
void NodeCore::install(ReferencePointer reference, Instant now) {
    const Spent spent = spent_by(reference->epoch);
    note_missed_rounds(reference->epoch, now);
    const ReferencePointer before = std::exchange(m_reference, reference);
    note_threshold(*before);
    m_actions.install = Install{std::move(reference), spent};
    m_actions.prepared = ReferencePointer{};
    m_actions.freeze.reset();
    if (spent == Spent::frozen) m_steps_since_reference = 0;
    m_install_confirmed = false;
    m_checked_step.reset();
    m_balancing.reset();
    m_actions.balance.reset();
    m_state_is_published = true;
    m_sketch_step.reset();
    m_sketches_until = {};
    m_brief_since.reset();
    m_frozen_for.reset();
    m_given.reset();
    m_round.reset();
    m_exchanging.reset();
    m_prepared_value.reset();
    m_preparing.reset();
    m_prepared_before.reset();
    m_certificate.reset();
    m_electorate = Electorate(voters_of(m_history.last()));
    m_departing.clear();
    std::erase_if(m_to_forget, [this](const PeerId& peer) {
        return !m_electorate.holds(peer) || has_live_voter(peer);
    });
    m_reported_body = m_electorate.body().size();
    m_forks.clear();
    m_left = m_leaving && contains(m_history.last().leaving, m_options.self);
    discount_who_has_left();
    m_committed_elsewhere.reset();
    m_same_reference.clear();
    if (m_pull || m_asked_value) m_actions.abort_pull = true;
    m_pull.reset();
    m_asked_value.reset();
    m_actions.pull.reset();
    m_monitor.reset();
    m_estimate.reset();
    m_pacer.on_reference(m_history.last().roster);
    m_actions.write_prepared.reset();
    std::erase_if(m_actions.publish,
                  [](const Message& m) { return std::holds_alternative<RoundState>(m); });
    m_actions.heartbeat_now = true;
    replay_early_messages(now);
}

/// Peers that were faster have spoken of this reference already.
void NodeCore::replay_early_messages(Instant now) {
    const auto early = std::exchange(m_early, {});
    for (const auto& [id, messages] : early) {
        if (messages.state && has_reference(messages.state->first)) {
            on_state(messages.from, messages.state->first, messages.state->second, now);
        }
        if (messages.round && messages.round->reference == m_reference->id) {
            on_round_state(messages.from, *messages.round, now);
        }
    }
}

}  // namespace dynavg::protocol
