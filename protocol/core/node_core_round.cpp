#include <algorithm>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "protocol/wire/codec.hpp"

// One round: who is in it, the exchange, prepare and commit (docs/protocol.md, sections 4 to 6).

namespace dynavg::protocol {

/// Freezes once per target epoch. A new attempt starts with fresh sets, and keeps what was prepared
/// and who is excluded. After a restart it is above the attempts of the earlier life.
void NodeCore::enter_round(Epoch target, Attempt attempt, const RoundSets& theirs,
                           const Evidence& evidence, Instant now) {
    DYNAVG_CHECK(!is_observer());
    const bool again = m_round && m_round->target() == target;
    DYNAVG_CHECK(!again || m_round->attempt() < attempt);
    const bool promised_before =
        m_promise.target == target && m_promise.incarnation != m_options.self.incarnation;
    const Attempt asked = attempt;
    if (promised_before) attempt = std::max(attempt, m_promise.attempt.next());
    if (m_frozen_for != target) {
        m_frozen_for = target;
        m_frozen_setting = later_of(m_reference->setting(), m_setting);
        m_actions.freeze = target;
        m_froze_to_leave = m_leaving;
    }
    const bool merging = evidence.reason == RoundReason::merge;
    Round round(target, attempt, m_options.self, evidence,
                merging ? Roster{} : voters_of(m_history.last()));
    RoundSets sets{merging ? merge_candidates() : live_members(), {}, {}, {}};
    if (again) {
        round.keep_prepared(m_round->prepared());
        sets.excluded = m_round->sets().excluded;
    } else {
        // A merge puts an end to a round for an earlier epoch.
        drop_prepared();
        keep_what_an_earlier_life_prepared(round);
        m_reported_round.reset();
        m_called_at = now;
    }
    round.merge(sets);
    if (attempt == asked) round.merge(theirs);
    if (m_froze_to_leave) round.leave();
    m_round = std::move(round);
    m_attempt_since = m_last_progress = m_last_round_word = now;
    m_progress_heard.clear();
    m_asked_value.reset();
    m_preparing.reset();
    stop_exchange();
    order_promise();
    publish_round();
}

void NodeCore::drop_prepared() {
    if (m_prepared_value) m_actions.prepared = ReferencePointer{};
    m_prepared_value.reset();
    m_preparing.reset();
    m_certificate.reset();
}

void NodeCore::stop_exchange() {
    if (m_exchanging) m_actions.abort_exchange = true;
    m_exchanging.reset();
    m_actions.start_exchange.reset();
}

void NodeCore::on_round_state(const Member& from, const RoundState& state, Instant now) {
    if (m_left) return;
    const bool merges =
        state.evidence.reason == RoundReason::merge && state.target > m_reference->epoch &&
        (contains(state.sets.candidates, m_options.self) || state.reference == m_reference->id);
    if (state.reference != m_reference->id && !merges) {
        if (state.reference.epoch == m_reference->epoch.next() && find_peer(from.id) != nullptr) {
            m_early[from.id].from = from;
            m_early[from.id].round = state;
        }
        return on_reference_heard(from, state.reference, now);
    }
    const bool believable = state.attempt.value() < limits::kAttemptMax;
    const bool fits = merges || state.target == m_reference->epoch.next();
    if (!fits || m_pull || !believable) return;
    // Another newcomer's call: it is told again.
    if (!m_round && awaits_first_heartbeat(now)) return;
    if (m_round && m_round->target() > state.target) return;
    const bool same_target = m_round && m_round->target() == state.target;
    if (same_target && is_merging() != (state.evidence.reason == RoundReason::merge)) {
        // A merge stands above the rounds that it ends: whoever sees the two meet calls it there.
        if (merges) call_round(RoundReason::merge, m_estimate.value_or(Estimate{}), now);
        return;
    }
    if (!m_round || m_round->target() < state.target || m_round->attempt() < state.attempt) {
        enter_round(state.target, state.attempt, state.sets, state.evidence, now);
    }
    if (state.attempt != m_round->attempt()) return;
    m_round->hear(from, state);
    if (m_round->merge(state.sets)) publish_round();
    commit_if_acknowledged(now);
    proceed(now);
}

void NodeCore::on_round_status(const Member& from, const Header& header, const RoundStatus& status,
                               Instant now) {
    const bool common = has_reference(header) && status.target == m_reference->epoch.next();
    const bool merges =
        (is_merging() || m_forks.contains(from.id)) && status.target > m_reference->epoch;
    if ((!common && !merges) || m_pull || m_left) return;
    if (!m_round && awaits_first_heartbeat(now)) return;
    if (m_round && m_round->target() == status.target) {
        if (status.attempt < m_round->attempt()) return;
        // As long as anybody gets on, nobody starts anew.
        std::uint32_t& progress = m_progress_heard[from.id];
        if (status.attempt == m_round->attempt() && status.progress != progress) {
            progress = status.progress;
            m_last_progress = now;
        }
    }
    const RoundState* heard = m_round ? m_round->heard(from) : nullptr;
    const bool known = heard != nullptr && heard->target == status.target &&
                       heard->attempt == status.attempt && wire::digest_of(*heard) == status.state;
    if (!known) m_actions.send.emplace_back(from.id, RoundRequest{});
}

RoundState NodeCore::round_state() const {
    RoundState state;
    state.target = m_round->target();
    state.attempt = m_round->attempt();
    state.reference = m_reference->id;
    state.evidence = m_round->evidence();
    state.sets = m_round->sets();
    state.prepared = m_round->prepared();
    state.remembers = m_promise.remembers;
    if (is_merging()) state.voters = m_electorate.body();
    return state;
}

/// At most one publication per call from outside: the last word replaces those before it.
void NodeCore::publish_round() {
    std::erase_if(m_actions.publish,
                  [](const Message& m) { return std::holds_alternative<RoundState>(m); });
    if (may_speak()) m_actions.publish.push_back(round_state());
}

/// What each of them says that it still knows.
Voters NodeCore::as_voters(const Roster& roster) const {
    Voters voters;
    for (const Member& member : roster) {
        Incarnation remembers = member.incarnation;
        const RoundState* heard = m_round ? m_round->heard(member) : nullptr;
        if (member == m_options.self) {
            remembers = m_promise.remembers;
        } else if (heard != nullptr) {
            remembers = heard->remembers;
        } else if (const PeerInfo* peer = find_peer(member.id); peer && peer->member == member) {
            remembers = peer->remembers;
        }
        voters.push_back({member, remembers});
    }
    return voters;
}

/// Whether these peers may speak for the last roster. Before the first round there is none: then
/// the candidates stand in for it, and the peers that were to start together.
bool NodeCore::is_sufficient(const Roster& voters) const {
    if (m_options.averaging.quorum == QuorumRule::none) return true;
    if (!m_electorate.body().empty()) return m_electorate.has_quorum(as_voters(voters));
    const bool enough = 2 * voters.size() > m_options.start_peers;
    return enough && (!m_round || has_quorum(as_voters(voters), m_round->sets().candidates));
}

/// In a merge there is a roster behind each of the members' references.
bool NodeCore::is_sufficient_for_all(const Roster& voters) const {
    if (!is_sufficient(voters)) return false;
    if (!is_merging() || m_options.averaging.quorum == QuorumRule::none) return true;
    const Voters all = as_voters(voters);
    return std::all_of(
        m_round->members().begin(), m_round->members().end(), [&](const Member& member) {
            const RoundState* heard = m_round->heard(member);
            return heard == nullptr || heard->voters.empty() || has_quorum(all, heard->voters);
        });
}

bool NodeCore::settled() const {
    const Roster& members = m_round->members();
    const bool enough = members.size() >= std::max<std::size_t>(2, m_options.averaging.min_peers) ||
                        m_round->evidence().reason == RoundReason::final;
    return enough && m_round->agreed() && is_sufficient_for_all(members);
}

/// Takes the next step that the round allows. Idempotent: called whenever something changed.
void NodeCore::proceed(Instant now) {
    if (!may_speak()) return;
    if (!settled()) {
        if (!only_exchange_has_outcome()) stop_exchange();
        return;
    }
    if (m_round->prepared_in_this_ballot()) return;
    if (m_preparing && m_preparing->prepared.ballot == m_round->ballot()) return;
    report_round_start();
    // What may have been committed by somebody must be finished, not replaced.
    const auto best = m_round->best_prepared();
    if (best && best->roster != m_round->members()) {
        if (m_prepared_value && m_prepared_value->id.digest == best->digest) {
            write_prepared({m_round->ballot(), best->digest, best->roster, best->leaving},
                           m_prepared_value, now);
        } else {
            finish_value(*best);
        }
        return;
    }
    const ExchangeKey key = m_round->key();
    if (m_exchanging == key) return;
    m_exchanging = key;
    m_last_progress = now;
    m_actions.start_exchange = ExchangeOrder{key,
                                             m_round->ballot(),
                                             m_round->members(),
                                             m_options.self,
                                             is_merging() ? m_options.initial : nullptr,
                                             m_frozen_setting};
}

/// The value is in force where another peer has said so: it needs no promise to follow.
bool NodeCore::is_committed_elsewhere(const ReferencePointer& value) const {
    return value != nullptr &&
           m_committed_elsewhere == std::pair(value->epoch, value->id.digest.high);
}

/// A peer that has committed is gone, and nobody is left to pull from: what has come of the
/// exchange may be all that it takes.
bool NodeCore::only_exchange_has_outcome() const {
    const Epoch target = m_round->target();
    return m_exchanging && m_committed_elsewhere && m_committed_elsewhere->first == target &&
           std::none_of(m_view.peers.begin(), m_view.peers.end(), [&](const PeerInfo& peer) {
               return peer.live && peer.reference.epoch >= target;
           });
}

/// Asks a holder for a value of another roster.
void NodeCore::finish_value(const Prepared& value) {
    const auto holder = m_round->holder_of(value.digest);
    if (!holder || m_asked_value == value.digest) return;
    m_asked_value = value.digest;
    m_actions.pull = PullOrder{{m_round->target(), value.digest}, holder->id};
}

void NodeCore::on_exchange_progress(Instant now) {
    ++m_progress;
    m_last_progress = now;
    if (m_pull) m_pull->since = now;
}

void NodeCore::on_exchange_done(const ExchangeResult& result, Instant now) {
    if (!m_round || m_exchanging != result.key) return;
    if (is_committed_elsewhere(result.value)) {
        // Whatever has become of the sets since: whoever of its roster leaves had said so before.
        const Roster& roster = result.certificate.roster;
        m_certificate = result.certificate;
        m_round->keep_prepared(
            Prepared{result.ballot, result.value->id.digest, roster, m_round->leaving_of(roster)});
        m_prepared_value = result.value;
        return commit(now);
    }
    if (m_round->key() != result.key || !settled() || m_round->prepared_in_this_ballot()) return;
    m_certificate = result.certificate;
    write_prepared(
        {m_round->ballot(), result.value->id.digest, m_round->members(), m_round->leaving()},
        result.value, now);
}

void NodeCore::on_stalled(const Member& member, Instant now) {
    if (!m_round || !m_exchanging || !contains(m_round->members(), member)) return;
    // Between an install and the end of a step that was under way it cannot freeze.
    const PeerInfo* peer = find_peer(member.id);
    const Duration step = peer == nullptr ? Duration{} : 2 * peer->step_time;
    if (now - m_attempt_since < limits::kStallTimeout + step) return;
    if (!m_round->accuse(member)) return;
    publish_round();
    proceed(now);
}

void NodeCore::on_unusable_contribution(const Member& member, const std::string& reason,
                                        Instant now) {
    // A late report of an exchange that is over must not touch another round.
    if (!m_round || !m_exchanging || !contains(m_round->members(), member)) return;
    if (!m_round->exclude(member)) return;
    m_actions.events.push_back(
        Event(
            "contribution_refused", Level::warning,
            fmt::format("the contribution of {} is unusable ({}); it sits out this round: look at "
                        "that peer's log, its training may have diverged",
                        member.id.fingerprint(), reason))
            .with("peer", member.id.fingerprint())
            .with("reason", reason));
    publish_round();
    proceed(now);
}

void NodeCore::commit_if_acknowledged(Instant now) {
    if (!may_speak()) return;
    const Roster acknowledged = m_round->acknowledged();
    if (!acknowledged.empty() && is_sufficient_for_all(acknowledged)) commit(now);
}

/// The prepared value is the epoch's reference.
void NodeCore::commit(Instant now) {
    report_commit(now);
    const ReferencePointer value = m_prepared_value;
    const Prepared& prepared = *m_round->prepared();
    const HistoryEntry entry{value->id, prepared.roster, prepared.leaving};
    m_history.add(entry);
    install(value, now);
}

// --- time -------------------------------------------------------------------------------------

void NodeCore::tick_round(Instant now) {
    accuse_the_silent(now);
    report_who_is_missing();
    if (now - std::max(m_attempt_since, m_last_progress) >
            limits::kAttemptSuspicionTimes * suspicion_timeout_max() &&
        m_round->attempt().value() < limits::kAttemptMax) {
        const Round last = *m_round;
        enter_round(last.target(), last.attempt().next(), {}, last.evidence(), now);
        m_actions.events.push_back(
            Event("round_restarted", Level::warning,
                  "the round did not settle or finish in time; it starts anew with those who are "
                  "live now")
                .with("round", fmt::to_string(last.target().value()))
                .with("attempt", m_round->attempt().value())
                .with("reason", std::string("timeout"))
                .with("suspects", std::vector<std::string>{}));
    }
    if (now - m_last_round_word >= limits::kRoundWordInterval) {
        m_last_round_word = now;
        m_actions.heartbeat_now = true;
        m_asked_value.reset();
    }
    proceed(now);
}

/// Accuses the links to members that are silent, or that have not joined in time.
void NodeCore::accuse_the_silent(Instant now) {
    if (!m_round->is_member()) return;
    bool changed = false;
    for (const Member& member : Roster(m_round->members())) {
        if (member == m_options.self) continue;
        const PeerInfo* peer = find_peer(member.id);
        const bool known = peer != nullptr && peer->member == member;
        const Duration patience = known ? peer->suspicion_timeout : suspicion_timeout_max();
        // Who has joined the round and is gone, or lives again as another member, is silent too.
        const bool reborn = peer != nullptr && peer->member.incarnation > member.incarnation;
        const bool silent = known ? !peer->live : reborn || m_round->has_heard(member);
        const bool late = !m_round->has_heard(member) && now - m_attempt_since > patience;
        if (silent || late) changed |= m_round->accuse(member);
    }
    if (changed) publish_round();
}

Duration NodeCore::suspicion_timeout_max() const {
    Duration most = limits::kSuspicionTimeoutDefault;
    for (const PeerInfo& peer : m_view.peers) {
        if (peer.live) most = std::max(most, peer.suspicion_timeout);
    }
    return most;
}

}  // namespace dynavg::protocol
