#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/core/core_events.hpp"
#include "protocol/core/node_core.hpp"

// One round: its members, the exchange, prepare and commit (docs/protocol.md, "One round").

namespace dynavg::protocol {

// --- entering -----------------------------------------------------------------------------------

/// Freezes once per target epoch. A new attempt starts with fresh sets, and keeps what was prepared
/// and who is excluded. After a restart it is above the attempts of the earlier life.
void NodeCore::enter_round(Epoch target, Attempt asked, const RoundSets& theirs,
                           const Evidence& evidence, Instant now) {
    DYNAVG_CHECK(!is_observer());
    InRound* before = in_round();
    const bool again = before != nullptr && before->round.target() == target;
    DYNAVG_CHECK(!again || before->round.attempt() < asked);
    const Attempt attempt = m_durability.attempt_above_earlier_life(target, asked);
    if (!m_frozen_drift.is_frozen_for(target)) {
        const auto setting = later_of(m_reference->setting(), m_judgement.setting_to_come());
        m_frozen_drift.freeze({target, setting, m_leaving});
        m_actions.freeze = target;
    }
    const bool merging = evidence.reason == RoundReason::merge;
    Round round(target, attempt, m_options.self, evidence,
                merging ? Roster{} : voters_of(m_history.last()));
    RoundSets sets;
    sets.candidates = live_members();
    if (merging) sets.candidates = m_forks.merge_candidates(sets.candidates, m_peers);
    if (again) {
        round.keep_prepared(before->round.prepared());
        sets.excluded = before->round.sets().excluded;
    }
    round.merge(sets);
    if (attempt == asked) round.merge(theirs);
    if (m_frozen_drift.frozen()->is_last) round.leave();
    stop_exchange();
    if (again) {
        before->begin_attempt(std::move(round), now);
    } else {
        open_round(std::move(round), now);
    }
    m_durability.drop_preparing();
    order_promise();
    publish_round();
}

void NodeCore::open_round(Round round, Instant now) {
    // A merge puts an end to a round for an earlier epoch.
    const InRound* ended = in_round();
    if (ended != nullptr && ended->prepared_value) m_actions.prepared = ReferencePointer{};
    m_phase = InRound{std::move(round), now, now, now, now};
    InRound& in = *in_round();
    const PreparedRecord* earlier = m_durability.prepared_before(in.round.target());
    if (earlier == nullptr) return;
    in.round.keep_prepared(earlier->prepared);
    in.prepared_value = earlier->value;
    m_actions.prepared = earlier->value;
}

// --- words of other members ---------------------------------------------------------------------

void NodeCore::on_round_state(const Member& from, const RoundState& state, Instant now) {
    if (m_left) return;
    const bool is_merge_call = state.evidence.reason == RoundReason::merge;
    const bool merges =
        is_merge_call && state.target > m_reference->epoch &&
        (contains(state.sets.candidates, m_options.self) || state.reference == m_reference->id);
    if (state.reference != m_reference->id && !merges) {
        const bool is_early = state.reference.epoch == m_reference->epoch.next();
        if (is_early && m_peers.find(from.id) != nullptr) m_adoption.keep_early(from, state);
        return on_reference_heard(from, state.reference, now);
    }
    const bool believable = state.attempt.value() < limits::kAttemptMax;
    const bool fits = merges || state.target == m_reference->epoch.next();
    if (!fits || m_adoption.is_pulling() || !believable) return;
    // Another newcomer's call: it is told again.
    if (round() == nullptr && awaits_first_heartbeat(now)) return;
    const Round* open = round();
    if (open != nullptr && open->target() > state.target) return;
    const bool same_target = open != nullptr && open->target() == state.target;
    if (same_target && is_merging() != is_merge_call) {
        // A merge stands above the rounds that it ends: a peer that sees the two meet calls it
        // there.
        if (merges) call_round(RoundReason::merge, now);
        return;
    }
    if (!same_target || open->attempt() < state.attempt) {
        enter_round(state.target, state.attempt, state.sets, state.evidence, now);
    }
    Round& round = in_round()->round;
    if (state.attempt != round.attempt()) return;
    round.hear(from, state);
    if (round.merge(state.sets)) publish_round();
    commit_if_acknowledged(now);
    proceed(now);
}

void NodeCore::on_round_status(const Member& from, const Header& header, const RoundStatus& status,
                               Instant now) {
    const bool common = has_reference(header) && status.target == m_reference->epoch.next();
    const bool merges =
        (is_merging() || m_forks.contains(from.id)) && status.target > m_reference->epoch;
    if ((!common && !merges) || m_adoption.is_pulling() || m_left) return;
    if (round() == nullptr && awaits_first_heartbeat(now)) return;
    InRound* in = in_round();
    if (in != nullptr && in->round.target() == status.target) {
        if (status.attempt < in->round.attempt()) return;
        in->hear_progress(from.id, status, now);
    }
    if (in == nullptr || !in->knows(from, status)) send(from.id, RoundRequest{});
}

RoundState NodeCore::round_state() const {
    RoundState state;
    state.target = round()->target();
    state.attempt = round()->attempt();
    state.reference = m_reference->id;
    state.evidence = round()->evidence();
    state.sets = round()->sets();
    state.prepared = round()->prepared();
    state.remembers = m_durability.promise().remembers;
    if (is_merging()) state.voters = electorate().body();
    return state;
}

/// At most one publication per call from outside: the last word replaces those before it.
void NodeCore::publish_round() {
    retract<RoundState>(m_actions);
    if (may_speak()) m_actions.publish.emplace_back(round_state());
}

// --- the next step ------------------------------------------------------------------------------

bool NodeCore::settled() const {
    const Roster& members = round()->members();
    const bool enough = members.size() >= std::max<std::size_t>(2, m_options.averaging.min_peers) ||
                        round()->evidence().reason == RoundReason::final;
    return enough && round()->agreed() && quorum().is_sufficient_for_all(members);
}

/// Takes the next step that the round allows. Idempotent: called whenever something changed.
void NodeCore::proceed(Instant now) {
    if (!may_speak()) return;
    if (!settled()) {
        if (!only_exchange_has_outcome()) stop_exchange();
        return;
    }
    InRound& in = *in_round();
    if (in.round.prepared_in_this_ballot()) return;
    const auto& preparing = m_durability.preparing();
    if (preparing && preparing->prepared.ballot == in.round.ballot()) return;
    report_round_start();
    // A value that some peer may have committed must be finished, not replaced.
    const auto best = in.round.best_prepared();
    if (best && best->roster != in.round.members()) return finish(*best, now);
    const ExchangeKey key = in.round.key();
    if (in.exchanging == key) return;
    in.exchanging = key;
    in.last_progress = now;
    m_actions.start_exchange = ExchangeOrder{key,
                                             in.round.ballot(),
                                             in.round.members(),
                                             m_options.self,
                                             is_merging() ? m_options.initial : nullptr,
                                             m_frozen_drift.frozen()->setting};
}

/// A peer that has committed is gone, and nobody is left to pull from: the chunks that have come
/// may be the whole mean.
bool NodeCore::only_exchange_has_outcome() const {
    const auto* in = std::get_if<InRound>(&m_phase);
    const Epoch target = in->round.target();
    const std::vector<PeerInfo>& peers = m_peers.view().peers;
    return in->exchanging && m_adoption.has_outcome(target) &&
           std::none_of(peers.begin(), peers.end(), [&](const PeerInfo& peer) {
               return peer.live && peer.reference.epoch >= target;
           });
}

/// Prepares a value of another roster, once a holder has given it.
void NodeCore::finish(const Prepared& best, Instant now) {
    InRound& in = *in_round();
    if (in.prepared_value && in.prepared_value->id.digest == best.digest) {
        return write_prepared({in.round.ballot(), best.digest, best.roster, best.leaving},
                              in.prepared_value, now);
    }
    const auto holder = in.round.holder_of(best.digest);
    if (!holder || in.asked_value == best.digest) return;
    in.asked_value = best.digest;
    m_actions.pull = PullOrder{{in.round.target(), best.digest}, holder->id};
}

void NodeCore::stop_exchange() {
    InRound* in = in_round();
    if (in != nullptr && std::exchange(in->exchanging, std::nullopt)) {
        m_actions.abort_exchange = true;
    }
    m_actions.start_exchange.reset();
}

void NodeCore::report_round_start() {
    InRound& in = *in_round();
    const RoundId id = in.round.key().round;
    if (in.reported == id) return;
    report(round_started_event(in, expected_members(in.round, electorate().body()).size()));
    in.reported = id;
}

// --- the exchange -------------------------------------------------------------------------------

void NodeCore::on_exchange_progress(Instant now) {
    ++m_progress;
    if (InRound* in = in_round()) in->last_progress = now;
    m_adoption.on_progress(now);
}

void NodeCore::on_exchange_done(const ExchangeResult& result, Instant now) {
    InRound* in = in_round();
    if (in == nullptr || in->exchanging != result.key) return;
    if (m_adoption.is_committed_elsewhere(result.value->id)) {
        // The sets may have changed since: a member of its roster that leaves had said so before.
        const Roster& roster = result.certificate.roster;
        in->certificate = result.certificate;
        in->round.keep_prepared(
            Prepared{result.ballot, result.value->id.digest, roster, in->round.leaving_of(roster)});
        in->prepared_value = result.value;
        return commit(now);
    }
    if (in->round.key() != result.key || !settled() || in->round.prepared_in_this_ballot()) return;
    in->certificate = result.certificate;
    write_prepared(
        {in->round.ballot(), result.value->id.digest, in->round.members(), in->round.leaving()},
        result.value, now);
}

void NodeCore::on_stalled(const Member& member, Instant now) {
    InRound* in = in_round();
    if (in == nullptr || !in->exchanging || !contains(in->round.members(), member)) return;
    // Between an install and the end of a step that was under way it cannot freeze.
    const PeerInfo* peer = m_peers.find(member.id);
    const Duration step = peer == nullptr ? Duration{} : 2 * peer->step_time;
    if (now - in->attempt_since < limits::kStallTimeout + step) return;
    if (!in->round.accuse(member)) return;
    publish_round();
    proceed(now);
}

void NodeCore::on_unusable_contribution(const Member& member, const std::string& reason,
                                        Instant now) {
    // A late report of an exchange that is over must not touch another round.
    InRound* in = in_round();
    if (in == nullptr || !in->exchanging || !contains(in->round.members(), member)) return;
    if (!in->round.exclude(member)) return;
    report(contribution_refused_event(member, reason));
    publish_round();
    proceed(now);
}

// --- commit -------------------------------------------------------------------------------------

void NodeCore::commit_if_acknowledged(Instant now) {
    if (!may_speak()) return;
    const Roster acknowledged = round()->acknowledged();
    if (acknowledged.empty() || !quorum().is_sufficient_for_all(acknowledged)) return;
    if (!waits_for_second_holder(acknowledged, now)) commit(now);
}

/// A peer whose own vote is a quorum lets another live member have the value on disk first: then
/// the crash of either of the two, right after the commit, loses nothing. The wait is short, since
/// that member's disk may be full.
bool NodeCore::waits_for_second_holder(const Roster& acknowledged, Instant now) const {
    const InRound& in = *std::get_if<InRound>(&m_phase);
    if (acknowledged.size() > 1 || now - in.prepared_at >= limits::kSecondHolderPatience) {
        return false;
    }
    const Roster live = m_peers.live();
    return std::ranges::any_of(in.round.members(), [this, &live](const Member& member) {
        return member != m_options.self && contains(live, member);
    });
}

/// The prepared value is the epoch's reference.
void NodeCore::commit(Instant now) {
    const InRound& in = *in_round();
    const Roster expected = expected_members(in.round, electorate().body());
    if (is_merging()) report(merged_event(in, m_reference->id));
    report(round_committed_event(in, m_options.self, expected, m_peers, now));
    const ReferencePointer value = in.prepared_value;
    const Prepared& prepared = *in.round.prepared();
    m_history.add({value->id, prepared.roster, prepared.leaving});
    install(value, now);
}

// --- time ---------------------------------------------------------------------------------------

void NodeCore::tick_round(Instant now) {
    // Before an accusation begins another ballot: the second holder may be gone, or late.
    if (round()->prepared_in_this_ballot()) commit_if_acknowledged(now);
    if (round() == nullptr) return;
    InRound& in = *in_round();
    if (in.accuse_the_silent(m_options.self, m_peers, now)) publish_round();
    report_who_is_missing(now);
    if (in.has_timed_out(m_peers, now)) {
        const Round last = in.round;
        enter_round(last.target(), last.attempt().next(), {}, last.evidence(), now);
        report(round_timed_out_event(last.target(), in.round.attempt()));
    }
    if (now - in.last_word >= limits::kRoundWordInterval) {
        in.last_word = now;
        in.asked_value.reset();
        m_actions.heartbeat_now = true;
    }
    proceed(now);
}

}  // namespace dynavg::protocol
