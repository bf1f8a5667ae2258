#include <algorithm>

#include <fmt/format.h>

#include "protocol/limits.hpp"
#include "protocol/node_core.hpp"

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
    return true;
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
    if (header.epoch != m_reference->epoch.next()) return;
    m_committed_elsewhere = {header.epoch, header.reference_tag};
    if (m_round && m_prepared_value && m_prepared_value->epoch == header.epoch &&
        m_prepared_value->id.digest.high == header.reference_tag) {
        commit(now);
    }
}

void NodeCore::on_reference_heard(const Member& from, ReferenceId reference, Instant now) {
    if (m_history.holds(reference) || reference.epoch == Epoch(0)) return;
    if (reference.epoch <= m_reference->epoch) {
        // An epoch that was skipped over is no contradiction.
        if (m_history.find(reference.epoch) != nullptr) report_fork(from, reference);
        return;
    }
    const auto fork = m_reported_forks.find(from.id);
    if (fork != m_reported_forks.end() && fork->second == reference) return;
    // An exchange of that epoch which goes well gives the same bits for half the bytes.
    const bool exchanging = m_round && m_exchanging && m_round->target() == reference.epoch;
    if (exchanging && now - m_last_progress < limits::kPullTimeout) return;
    if (m_pull) return;
    m_pull = Pull{reference, from.id, {}, now};
    m_actions.send.emplace_back(from.id, HistoryRequest{m_reference->epoch});
}

void NodeCore::report_fork(const Member& from, const ReferenceId& theirs) {
    if (m_reported_forks[from.id] == theirs) return;
    m_reported_forks[from.id] = theirs;
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

void NodeCore::on_history(const Member& from, const HistoryReply& reply, Instant now) {
    if (!m_pull || m_pull->source != from.id || !m_pull->entries.empty() || reply.entries.empty()) {
        return;
    }
    if (!is_consistent(reply.entries)) return m_pull.reset();
    const ReferenceId newest = reply.entries.back().reference;
    const bool descends =
        m_reference->epoch == Epoch(0) ||
        std::any_of(reply.entries.begin(), reply.entries.end(), [this](const HistoryEntry& entry) {
            return entry.reference == m_reference->id;
        });
    if (newest.epoch <= m_reference->epoch || !descends) {
        m_pull.reset();
        if (!descends) report_fork(from, newest);
        return;
    }
    m_pull->wanted = newest;
    m_pull->entries = reply.entries;
    m_pull->since = now;
    m_actions.pull = PullOrder{newest, from.id};
}

void NodeCore::on_pulled(ReferencePointer reference, Instant now) {
    if (m_pull && m_pull->wanted == reference->id && !m_pull->entries.empty()) {
        const PeerId source = m_pull->source;
        const ReferenceId before = m_reference->id;
        const std::vector<HistoryEntry> entries = std::move(m_pull->entries);
        m_actions.events.push_back(
            Event("adopted", Level::info,
                  fmt::format("reference {} was adopted from {}; local training goes on from it",
                              reference->epoch.value(), source.fingerprint()))
                .with("from_reference", before.digest.hex())
                .with("to_reference", reference->id.digest.hex())
                .with("source", source.fingerprint()));
        return install(std::move(reference), entries, now);
    }
    if (!m_round || reference->epoch != m_round->target() || !settled()) return;
    const auto best = m_round->best_prepared();
    if (best && best->digest == reference->id.digest && !m_round->prepared_in_this_ballot()) {
        prepare(std::move(reference), best->roster, now);
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
/// a restart brought back, if a later roster held an earlier life of it.
Spent NodeCore::spent_by(Epoch upto) const {
    if (m_frozen_for) {
        const HistoryEntry* frozen = m_history.find(*m_frozen_for);
        if (frozen != nullptr && contains(frozen->roster, m_options.self)) return Spent::frozen;
    }
    if (!m_given) return Spent::nothing;
    const auto later = m_history.between(m_reference->epoch.next(), upto);
    const Unspent unspent =
        unspent_of(m_given->drift_since, m_given->frozen_for, later, m_options.self);
    return unspent == Unspent::all ? Spent::nothing : Spent::given;
}

/// Moves to a later reference, over several epochs at once too.
void NodeCore::install(ReferencePointer reference, const std::vector<HistoryEntry>& entries,
                       Instant now) {
    for (const HistoryEntry& entry : entries) m_history.add(entry);
    const Spent spent = spent_by(reference->epoch);
    m_reference = reference;
    m_actions.install = Install{std::move(reference), spent};
    m_actions.prepared = ReferencePointer{};
    m_actions.freeze.reset();
    if (spent == Spent::frozen) m_steps_since_reference = 0;
    m_install_confirmed = false;
    m_checked_step.reset();
    m_state_is_published = true;
    m_frozen_for.reset();
    m_given.reset();
    m_round.reset();
    m_exchanging.reset();
    m_prepared_value.reset();
    m_certificate.reset();
    m_committed_elsewhere.reset();
    m_same_reference.clear();
    if (m_pull || m_asked_value) m_actions.abort_pull = true;
    m_pull.reset();
    m_asked_value.reset();
    m_actions.pull.reset();
    m_monitor.reset();
    m_estimate.reset();
    m_pacer.on_reference(m_history.last().roster);
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
