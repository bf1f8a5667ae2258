#include "protocol/core/node_core.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/core/core_events.hpp"
#include "protocol/wire/codec.hpp"

// The inputs, and where each goes; the decision that a round is due (docs/protocol.md, "When a
// round starts").

namespace dynavg::protocol {

NodeCore::NodeCore(NodeCoreOptions options)
    : m_options(std::move(options)),
      m_reference(m_options.initial),
      m_history(m_reference->id),
      m_peers(m_options.self),
      m_pacer(m_options.self, m_options.averaging, m_options.start_peers),
      m_judgement(m_options.self, m_options.weight, m_options.averaging, m_reference->parameters),
      m_durability(m_options.self, m_options.durable ? Disk::kept : Disk::none),
      m_departures(m_options.self),
      m_frozen_drift(m_options.self),
      m_forks(m_options.averaging.quorum) {
    DYNAVG_CHECK(m_reference->epoch == Epoch(0));
    if (m_options.restored) restore(*m_options.restored);
    // An observer promises nothing, but its next life must be above this one.
    if (is_observer()) order_promise();
}

void NodeCore::restore(const RestoredCore& restored) {
    m_reference = restored.reference;
    m_history = History(restored.history);
    if (m_reference->epoch > Epoch(0)) m_pacer.on_restart();
    if (restored.drift_since) {
        m_frozen_drift.restore({*restored.drift_since, restored.frozen_for});
    }
    // Without its promises an earlier life's vote is lost: this peer is a stranger.
    std::optional<Promise> promise = restored.promise;
    if (promise) m_durability.restore(*promise, restored.prepared);
    if (promise && promise->target != m_reference->epoch.next()) promise.reset();
    m_departures.restore(voters_of(m_history.last()), promise);
}

// --- inputs -------------------------------------------------------------------------------------

void NodeCore::on_step(const StepReport& report, Instant now) {
    m_trainer.steps = report.steps;
    m_trainer.step_time = report.step_time;
    if (report.reference != m_reference->id) return;
    m_trainer.has_reference = true;
    if (is_observer()) return;
    m_trainer.steps_since_reference = report.steps_since_reference;
    if (report.done != m_trainer.done) m_actions.heartbeat_now = true;
    m_trainer.done = report.done;
    if (report.state) {
        const auto step = static_cast<std::uint32_t>(report.steps_since_reference);
        m_judgement.on_own_state(step, *report.state, now);
        publish_state(m_judgement.take_state_to_publish(now));
    }
    evaluate(now);
}

void NodeCore::on_peers(const PeerView& view, Instant now) {
    const bool has_changed = m_peers.update(view);
    m_had_company |= !view.peers.empty();
    discount_who_has_left();
    if (has_changed) forget_who_has_gone();
    m_pacer.on_peers(m_peers.view(), m_reference->id);
    m_judgement.weigh(m_peers.view());
    if (round() != nullptr) tick_round(now);
    if (!m_forks.empty()) resolve_forks(now);
    evaluate(now);
}

/// A peer that left with the last round stays until every member has the outcome, and takes no part
/// in what follows. If this peer left with it too, the others are those that it waits for.
void NodeCore::discount_who_has_left() {
    if (!m_left) m_peers.discount(m_history.last().leaving);
}

void NodeCore::forget_who_has_gone() {
    const auto is_known = [this](const PeerId& id) {
        return id == m_options.self.id || m_peers.find(id) != nullptr;
    };
    m_judgement.keep_only(is_known);
    m_adoption.keep_only(is_known);
    m_forks.keep_only(is_known);
}

void NodeCore::on_message(const Member& from, const Header& header, const Message& message,
                          Instant now) {
    if (is_observer()) return follow(from, header, message, now);
    on_header(from, header, now);
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        on_reference_heard(from, {header.epoch, heartbeat->reference_digest}, now);
        if (heartbeat->round) on_round_status(from, header, *heartbeat->round, now);
        if (has_reference(header) && !heartbeat->departed.empty()) {
            m_departures.hear({from, heartbeat->remembers}, heartbeat->departed);
            report_departures();
        }
        evaluate(now);
    } else if (const auto* state = std::get_if<StateMessage>(&message)) {
        on_state(from, header, *state, now);
    } else if (const auto* word = std::get_if<RoundState>(&message)) {
        on_round_state(from, *word, now);
    } else if (std::holds_alternative<RoundRequest>(message)) {
        if (may_speak()) send(from.id, round_state());
    } else if (const auto* asked = std::get_if<StateRequest>(&message)) {
        if (!has_reference(header)) return;
        const auto answer = m_judgement.answer(*asked, m_trainer, now);
        if (answer) send(from.id, *answer);
    } else if (const auto* after = std::get_if<HistoryRequest>(&message)) {
        tell_history(from.id, *after);
    } else if (const auto* history = std::get_if<HistoryReply>(&message)) {
        on_history(from, *history, now);
    }
}

void NodeCore::tell_history(const PeerId& observer, const HistoryRequest& request) {
    send(observer, HistoryReply{m_history.since(request.after)});
}

void NodeCore::on_state(const Member& from, const Header& header, const StateMessage& message,
                        Instant now) {
    if (!has_reference(header)) {
        const bool is_early = header.epoch == m_reference->epoch.next();
        if (is_early && m_peers.find(from.id) != nullptr) {
            m_adoption.keep_early(from, header, message);
        }
        return;
    }
    if (!m_judgement.on_state(from.id, message, now)) return report(state_refused_event(from.id));
    evaluate(now);
}

void NodeCore::on_tick(Instant now) {
    publish_state(m_judgement.take_state_to_publish(now));
    if (round() != nullptr) tick_round(now);
    if (m_adoption.has_timed_out(now)) {
        m_adoption.drop_pull();
        m_actions.abort_pull = true;
    }
    acknowledge_departures();
    for (const auto& [peer, request] : m_judgement.requests_for_missing(situation(now))) {
        send(peer, request);
    }
    evaluate(now);
}

Actions NodeCore::take_actions(Instant now) {
    const Situation at = situation(now);
    const bool pauses = !m_pacer.has_started() || m_leaving || is_observer();
    m_actions.allowed_steps = pauses ? m_trainer.steps : m_judgement.allowed_steps(at);
    Instant next = is_busy() ? now + limits::kRoundTick : kNever;
    if (const Instant until = first_heartbeats_until(); until > now) next = std::min(next, until);
    m_actions.next_tick = std::max(now, std::min(next, m_judgement.next_tick(at)));
    return std::exchange(m_actions, {});
}

void NodeCore::send(const PeerId& to, Message message) {
    m_actions.send.emplace_back(to, std::move(message));
}

/// A state with its sketch replaces the brief one that has not gone out yet.
void NodeCore::publish_state(const std::optional<StateMessage>& state) {
    if (!state) return;
    retract<StateMessage>(m_actions);
    m_actions.publish.emplace_back(*state);
}

// --- the decision that a round is due -----------------------------------------------------------

/// The one place where a peer decides, by itself, that a round must start.
void NodeCore::evaluate(Instant now) {
    if (is_observer() || is_busy() || m_judgement.is_balancing()) return;
    if (!m_pacer.has_started() || !m_trainer.has_reference || m_left) return;
    if (awaits_first_heartbeat(now)) return;
    if (m_leaving) {
        if (!may_leave() && may_call()) call_round(RoundReason::leave, now);
        return;
    }
    const Verdict verdict = m_judgement.judge(situation(now));
    publish_state(verdict.publish);
    for (const auto& [peer, request] : verdict.ask) send(peer, request);
    if (verdict.waits_for_states) return;
    if (verdict.balancing) {
        m_actions.balance = verdict.balancing;
        return;
    }
    if (verdict.reason) call_if_possible(*verdict.reason, now);
    if (round() != nullptr) return;
    const Situation at = situation(now);
    if (m_judgement.final_round_is_due(at) && quorum().is_sufficient(live_members())) {
        call_round(RoundReason::final, now);
    } else if (m_judgement.regrouping_is_due(at) && may_call()) {
        call_round(RoundReason::regroup, now);
    }
}

void NodeCore::on_balanced(const BalancingOrder& order, BalancingOutcome outcome, Instant now) {
    if (!m_judgement.on_balanced(order, m_trainer) || is_busy()) return;
    if (outcome == BalancingOutcome::for_all) call_if_possible(RoundReason::violation, now);
    evaluate(now);
}

void NodeCore::call_if_possible(RoundReason reason, Instant now) {
    report_who_is_missing(now);
    if (may_call()) call_round(reason, now);
}

void NodeCore::call_round(RoundReason reason, Instant now) {
    const Evidence evidence = m_judgement.evidence(reason, situation(now));
    report(crossing_event(evidence, m_options.averaging.monitor));
    Epoch last = m_reference->epoch;
    if (reason == RoundReason::merge) {
        last = m_forks.last_epoch(last);
        // The round that is open here is one of one side.
        if (round() != nullptr) last = std::max(last, round()->target());
    }
    enter_round(last.next(), Attempt(0), {}, evidence, now);
}

/// Says once, until it changes, that a round is due and cannot be held. A peer that is about to
/// have this reference is not missing.
void NodeCore::report_who_is_missing(Instant now) {
    // Nobody can be missing who never was there.
    if (!m_had_company && electorate().body().empty()) return report_alone(now);
    const Roster live = m_peers.live();
    if (may_hold_a_round(live)) {
        m_reported_missing = false;
        return;
    }
    if (std::exchange(m_reported_missing, true)) return;
    report(round_impossible_event(live, electorate().body(), m_peers));
}

/// Not at once: the first peer may be about to join.
void NodeCore::report_alone(Instant now) {
    if (!m_alone_since) m_alone_since = now;
    if (now - *m_alone_since < kAlonePatience) return;
    if (!std::exchange(m_reported_alone, true)) report(training_alone_event());
}

bool NodeCore::may_call() const {
    return may_hold_a_round(live_members());
}

bool NodeCore::may_hold_a_round(const Roster& live) const {
    return live.size() >= std::max<std::size_t>(2, m_options.averaging.min_peers) &&
           quorum().is_sufficient(live);
}

Expected<void, Error> NodeCore::set_threshold(double threshold, std::uint64_t unix_ms,
                                              Instant now) {
    if (is_observer()) {
        return fail("this node is an observer and has no say in rounds: set it at a member");
    }
    auto set = m_judgement.set_threshold(threshold, unix_ms, *m_reference);
    // In lockstep the next step is judged by it.
    if (set) evaluate(now);
    return set;
}

void NodeCore::leave(Instant now) {
    if (std::exchange(m_leaving, true)) return;
    evaluate(now);
}

bool NodeCore::may_leave() const {
    if (is_observer()) return true;
    if (m_left) return !is_waited_for();
    // Without enough peers an open round cannot end. A peer that has yet to take over this
    // reference will.
    if (!may_hold_a_round(m_peers.live())) return true;
    const bool needs_a_round =
        electorate().holds(m_options.self.id) || m_trainer.steps_since_reference > 0;
    return !is_busy() && !needs_a_round;
}

/// A live member of this peer's last round, in whatever life, has yet to say that it holds the
/// outcome: it may need this peer to finish its exchange, or to pull from.
bool NodeCore::is_waited_for() const {
    const std::vector<PeerInfo>& peers = m_peers.view().peers;
    return std::any_of(peers.begin(), peers.end(), [this](const PeerInfo& peer) {
        const bool took_part =
            std::any_of(roster().begin(), roster().end(),
                        [&peer](const Member& member) { return member.id == peer.member.id; });
        return peer.live && took_part && peer.reference.epoch < m_reference->epoch &&
               !m_peers.is_holder(peer.member);
    });
}

/// Before the first round: a peer that has joined and was not heard yet may have the reference of a
/// network. A first round without that peer would make a second one.
Instant NodeCore::first_heartbeats_until() const {
    return m_reference->epoch > Epoch(0) ? Instant{} : m_peers.first_heartbeats_until();
}

// --- what others read ---------------------------------------------------------------------------

void NodeCore::describe(Heartbeat& heartbeat) const {
    heartbeat.steps = m_trainer.steps;
    heartbeat.steps_since_reference = m_trainer.steps_since_reference;
    heartbeat.step_time_us = static_cast<std::uint32_t>(std::clamp<Duration::rep>(
        m_trainer.step_time.count(), 0, std::numeric_limits<std::uint32_t>::max()));
    // Until the trainer has moved to the reference, nobody knows how much drift is left.
    heartbeat.done = m_trainer.done && m_trainer.has_reference;
    heartbeat.position = m_pacer.position();
    heartbeat.weight = m_options.weight;
    heartbeat.reference_digest = m_reference->id.digest;
    heartbeat.remembers = m_durability.promise().remembers;
    heartbeat.departed = electorate().acknowledged();
    if (may_speak()) {
        heartbeat.round = RoundStatus{round()->target(), round()->attempt(),
                                      wire::digest_of(round_state()), m_progress};
    }
}

std::optional<StateMessage> NodeCore::state_to_repeat() const {
    return m_judgement.state_to_repeat(m_trainer);
}

const Round* NodeCore::round() const {
    const auto* in = std::get_if<InRound>(&m_phase);
    return in == nullptr ? nullptr : &in->round;
}

Instant NodeCore::round_since() const {
    const auto* in = std::get_if<InRound>(&m_phase);
    return in == nullptr ? Instant{} : in->called_at;
}

bool NodeCore::is_finished() const {
    return m_judgement.is_finished(situation(Instant{}));
}

bool NodeCore::has_reference(const Header& header) const {
    return header.epoch == m_reference->epoch &&
           header.reference_tag == m_reference->id.digest.high;
}

Situation NodeCore::situation(Instant now) const {
    return {*m_reference, m_trainer, m_peers, m_pacer, now, is_busy()};
}

Quorum NodeCore::quorum() const {
    return {m_options.averaging.quorum,
            m_options.start_peers,
            electorate(),
            {m_durability.self(), m_peers, round()}};
}

}  // namespace dynavg::protocol
