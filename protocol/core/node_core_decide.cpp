#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"

// Local states, and the decision that a round must start (docs/protocol.md, section 3).

namespace dynavg::protocol {

namespace {

std::string explain(RoundReason reason, const Evidence& evidence) {
    switch (reason) {
        case RoundReason::crossing:
            break;
        case RoundReason::every_step:
            return "the monitor asks for a round after every step";
        case RoundReason::violation:
            return fmt::format(
                "a model's squared distance from the reference, {:.4g}, is above the threshold "
                "{:.4g}: all models are averaged",
                evidence.estimate, evidence.threshold);
        case RoundReason::interval:
            return "the monitor asks for a round after so many steps";
        case RoundReason::overdue:
            return "twice the target interval has passed without a crossing: a round finds the "
                   "next threshold";
        case RoundReason::threshold_set:
            return "a person has set a threshold below the variance bound: a round puts it in "
                   "force";
        case RoundReason::final:
            return "all peers have done their steps: a last round makes the final reference";
        case RoundReason::merge:
            return "two networks with different references have met: a round over all of them "
                   "makes one again";
        case RoundReason::leave:
            return "this peer leaves: a last round hands over what it has learned";
        case RoundReason::regroup:
            return "nobody is in step any more: a round lets all start together again";
    }
    return fmt::format(
        "the variance bound {:.4g} is above the threshold {:.4g}: all models are averaged",
        evidence.estimate, evidence.threshold);
}

}  // namespace

void NodeCore::on_state(const Member& from, const Header& header, const StateMessage& message,
                        Instant now) {
    if (!has_reference(header)) {
        if (header.epoch == m_reference->epoch.next() && find_peer(from.id) != nullptr) {
            m_early[from.id].from = from;
            m_early[from.id].state = {header, message};
        }
        return;
    }
    if (!m_monitor.put(from.id, message.step, message.state, now)) {
        m_actions.events.push_back(
            Event("state_refused", Level::warning,
                  "a peer's local state is not finite or has the wrong size; it is ignored: look "
                  "at that peer's log, its training may have diverged")
                .with("peer", from.id.fingerprint()));
        return;
    }
    const bool whole = !is_brief(m_options.averaging.monitor, message.state);
    if (whole) m_sketches_until = now + limits::kSketchPatience;
    evaluate(now);
}

void NodeCore::publish_state(Instant now) {
    const bool due = in_lockstep() || now - m_last_published >= m_options.averaging.state_interval;
    const auto step = m_monitor.latest_step(m_options.self.id);
    if (!step) m_state_is_published = true;
    if (!due || !step) return;
    const LocalState& state = *m_monitor.state_at(m_options.self.id, *step);
    const bool whole = tells_sketch(*step, now);
    if (whole) ++m_sketches_told;
    // One with its sketch replaces the brief one that has not gone out yet.
    std::erase_if(m_actions.publish,
                  [](const Message& m) { return std::holds_alternative<StateMessage>(m); });
    m_actions.publish.push_back(
        StateMessage{*step, whole ? state : brief(m_options.averaging.monitor, state)});
    m_state_is_published = true;
    m_last_published = now;
}

/// cascade: whether this state goes out with its sketch.
bool NodeCore::tells_sketch(std::uint32_t step, Instant now) const {
    if (m_options.averaging.monitor != MonitorKind::cascade) return false;
    return in_lockstep() ? m_sketch_step == step : now < m_sketches_until;
}

/// The linear bound is above the threshold. In lockstep all members find that of the same states,
/// and tell their sketches of this step; in free pace who hears one answers in kind.
void NodeCore::want_sketches(const Roster& members, Instant now) {
    const auto step = static_cast<std::uint32_t>(m_steps_since_reference);
    const bool told = tells_sketch(step, now);
    m_sketch_step = step;
    m_sketches_until = now + limits::kSketchPatience;
    if (!told) {
        m_state_is_published = false;
        publish_state(now);
    }
    if (in_lockstep() || now - m_last_asked_sketch < limits::kStateRetryInterval) return;
    m_last_asked_sketch = now;
    for (const Member& member : members) {
        if (member == m_options.self || !m_monitor.lacks_sketch(member.id, 0)) continue;
        m_actions.send.emplace_back(member.id, StateRequest{0, true});
    }
}

/// The one place where a peer decides, by itself, that a round must start.
void NodeCore::evaluate(Instant now) {
    if (is_observer()) return;
    if (m_round || m_pull || m_balancing) return;
    if (!m_pacer.has_started() || !m_install_confirmed || m_left) return;
    if (m_leaving) {
        if (!may_leave() && may_call()) {
            call_round(RoundReason::leave, m_estimate.value_or(Estimate{}), now);
        }
        return;
    }
    const Roster members = members_to_judge(now);
    if (!members.empty()) {
        if (in_lockstep() && !step_is_complete(members)) return;
        judge(members, now);
        if (m_round || m_balancing) return;
    }
    const Estimate estimate = m_estimate.value_or(Estimate{});
    if (final_round_is_due(now)) return call_round(RoundReason::final, estimate, now);
    if (regrouping_is_due()) call_round(RoundReason::regroup, estimate, now);
}

/// Over whom the condition is evaluated now; nobody, if it is not.
Roster NodeCore::members_to_judge(Instant now) const {
    if (m_steps_since_reference == 0) return {};
    if (in_lockstep()) {
        const bool judged = m_checked_step == m_steps_since_reference;
        if (!m_pacer.is_in_step() || judged) return {};
        return m_pacer.live_members(m_view, m_reference->id);
    }
    Roster members =
        needs_states(m_options.averaging.monitor) ? live_members() : Roster{m_options.self};
    std::erase_if(members, [this, now](const Member& member) {
        return m_missed_rounds.ignores_drift_of(member.id, now);
    });
    return members;
}

/// Evaluates the condition, and calls a round if one is due.
void NodeCore::judge(const Roster& members, Instant now) {
    const auto step = static_cast<std::uint32_t>(m_steps_since_reference);
    m_estimate = in_lockstep() ? m_monitor.estimate_at(step, members, now)
                               : m_monitor.estimate_latest(members, now);
    if (m_estimate->brief && m_estimate->bound > m_reference->threshold) {
        want_sketches(members, now);
        if (in_lockstep()) return;
        if (!m_brief_since) m_brief_since = now;
        if (now - *m_brief_since < limits::kSketchPatience) return;
    } else {
        m_brief_since.reset();
    }
    const auto reason = reason_to_call(members.size());
    if (reason == RoundReason::violation &&
        m_options.averaging.monitor == MonitorKind::local_balanced) {
        return order_balancing(members);
    }
    m_checked_step = m_steps_since_reference;
    if (reason) call_if_possible(*reason, now);
}

void NodeCore::call_if_possible(RoundReason reason, Instant now) {
    report_who_is_missing();
    if (may_call()) call_round(reason, *m_estimate, now);
}

/// All members find it of the same states. The step counts as checked once it is balanced.
void NodeCore::order_balancing(const Roster& members) {
    const auto step = static_cast<std::uint32_t>(m_steps_since_reference);
    m_balancing = m_actions.balance = BalancingOrder{
        m_reference->id, step, m_monitor.peers_above(m_reference->threshold, step, members)};
}

/// The states of this step stay as they were told: who has yet to judge it must find what the
/// others found, and is told the same outcome.
void NodeCore::on_balanced(const BalancingOrder& order, BalancingOutcome outcome, Instant now) {
    if (m_balancing != order) return;
    m_balancing.reset();
    m_checked_step = m_steps_since_reference;
    if (m_round || m_pull) return;
    if (outcome == BalancingOutcome::for_all) call_if_possible(RoundReason::violation, now);
    evaluate(now);
}

std::optional<RoundReason> NodeCore::reason_to_call(std::size_t peers) const {
    const AveragingSettings& averaging = m_options.averaging;
    if (averaging.monitor == MonitorKind::every_step) return RoundReason::every_step;
    if (averaging.monitor == MonitorKind::interval) {
        if (m_steps_since_reference < averaging.interval) return std::nullopt;
        return RoundReason::interval;
    }
    if (m_estimate->bound > m_reference->threshold) {
        return is_local(averaging.monitor) ? RoundReason::violation : RoundReason::crossing;
    }
    if (m_setting && m_estimate->bound > m_setting->threshold) return RoundReason::threshold_set;
    const double overdue =
        overdue_steps(averaging.threshold_rule, peers, m_reference->values.size());
    if (static_cast<double>(m_steps_since_reference) >= overdue) return RoundReason::overdue;
    return std::nullopt;
}

Expected<void, Error> NodeCore::set_threshold(double threshold, std::uint64_t unix_ms,
                                              Instant now) {
    if (is_observer()) {
        return fail("this node is an observer and has no say in rounds: set it at a member");
    }
    if (!has_condition(m_options.averaging.monitor)) {
        return fail(
            fmt::format("no threshold decides when this network averages: its monitor is {}",
                        monitor_text(m_options.averaging)));
    }
    if (m_options.averaging.threshold_rule.kind != ThresholdKind::fixed) {
        return fail(
            "this network's threshold is \"auto\": a rule moves it with every round, and what a "
            "person sets would not last");
    }
    const auto known = later_of(m_reference->setting(), m_setting);
    const ThresholdSetting setting{threshold, std::max(unix_ms, known ? known->set_at_ms + 1 : 1)};
    if (!is_valid(setting)) {
        return fail(
            fmt::format("{} can't be a threshold: a finite number above 0 is wanted", threshold));
    }
    m_setting = setting;
    // In lockstep the next step is judged by it.
    evaluate(now);
    return {};
}

/// A reference is about to be installed: says what changed, and lets go what was set before that.
void NodeCore::note_threshold(const Reference& before) {
    if (m_setting && m_setting->set_at_ms <= m_reference->threshold_set_at_ms) m_setting.reset();
    const bool is_new = m_reference->setting() != before.setting();
    if (!is_new || !m_reference->setting()) return;
    m_actions.events.push_back(
        Event("threshold_set", Level::info,
              fmt::format("the threshold is {:.4g} from reference {} on, as a person has set it; "
                          "it was {:.4g}",
                          m_reference->threshold, m_reference->epoch.value(), before.threshold))
            .with("threshold", m_reference->threshold)
            .with("before", before.threshold));
}

/// Says once, until it changes, that a round is due and cannot be. Who is about to have this
/// reference is not missing.
void NodeCore::report_who_is_missing() {
    const Roster live = live_peers();
    if (may_hold_a_round(live)) {
        m_reported_missing = false;
        return;
    }
    if (std::exchange(m_reported_missing, true)) return;
    report_round_impossible(live);
}

/// Every member's state of this step is in. A member that is done, or that does not wait for this
/// peer, counts with its latest.
bool NodeCore::step_is_complete(const Roster& members) const {
    const auto step = static_cast<std::uint32_t>(m_steps_since_reference);
    return std::all_of(members.begin(), members.end(), [this, step](const Member& member) {
        if (m_monitor.state_at(member.id, step) != nullptr) return true;
        const PeerInfo* peer = find_peer(member.id);
        const bool done = peer != nullptr && peer->done && peer->reference == m_reference->id &&
                          peer->steps_since_reference < step;
        const auto latest = m_monitor.latest_step(member.id);
        return done || (latest && *latest > step + m_options.averaging.steps_between_checks());
    });
}

bool NodeCore::waits_for_states() const {
    return in_lockstep() && !m_round && !m_pull && m_install_confirmed && m_pacer.is_in_step() &&
           m_steps_since_reference > 0 && m_checked_step != m_steps_since_reference &&
           m_monitor.latest_step(m_options.self.id) == m_steps_since_reference;
}

void NodeCore::ask_for_missing_states(Instant now) {
    if (!waits_for_states()) return;
    if (now - m_last_asked < std::max(limits::kStateRetryInterval, m_step_time)) return;
    m_last_asked = now;
    const auto step = static_cast<std::uint32_t>(m_steps_since_reference);
    for (const Member& member : m_pacer.live_members(m_view, m_reference->id)) {
        const bool sketch = m_sketch_step == step && m_monitor.lacks_sketch(member.id, step);
        const bool has_come = m_monitor.state_at(member.id, step) != nullptr && !sketch;
        if (member == m_options.self || has_come) continue;
        m_actions.send.emplace_back(member.id, StateRequest{step, sketch});
    }
}

/// Who went on alone behind a cut no longer has the states that others wait for: its latest tells
/// them to wait for it no more. Who is done has none of later steps.
void NodeCore::answer_state_request(const Member& from, const StateRequest& request, Instant now) {
    const PeerId& self = m_options.self.id;
    const auto latest = m_monitor.latest_step(self);
    if (!latest) return;
    if (request.with_sketch) m_sketches_until = now + limits::kSketchPatience;
    const bool has_gone_on = m_monitor.state_at(self, request.step) == nullptr;
    const std::uint32_t step = has_gone_on ? *latest : request.step;
    if (step < request.step && !(m_done && request.with_sketch)) return;
    const LocalState& state = *m_monitor.state_at(self, step);
    m_actions.send.emplace_back(
        from.id,
        StateMessage{step,
                     request.with_sketch ? state : brief(m_options.averaging.monitor, state)});
}

void NodeCore::call_round(RoundReason reason, const Estimate& estimate, Instant now) {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    Evidence evidence;
    evidence.reason = reason;
    evidence.estimate = estimate.bound;
    evidence.threshold = m_reference->threshold;
    evidence.states = estimate.states;
    evidence.oldest_state_ms =
        static_cast<std::uint32_t>(duration_cast<milliseconds>(estimate.oldest).count());
    evidence.step = StepIndex(m_steps_since_reference);
    const std::string why = explain(reason, evidence);
    m_actions.events.push_back(
        Event("crossing", reason == RoundReason::every_step ? Level::debug : Level::info, why)
            .with("reason", std::string(name_of(reason)))
            .with("estimate", evidence.estimate)
            .with("threshold", evidence.threshold)
            .with("monitor", std::string(name_of(m_options.averaging.monitor)))
            .with("states", evidence.states)
            .with("oldest_state_ms", evidence.oldest_state_ms));
    Epoch last = m_reference->epoch;
    if (reason == RoundReason::merge) {
        for (const auto& [id, fork] : m_forks) last = std::max(last, fork.reference.epoch);
        // What is open here is a round of one side.
        if (m_round) last = std::max(last, m_round->target());
    }
    enter_round(last.next(), Attempt(0), {}, evidence, now);
}

bool NodeCore::may_call() const {
    return may_hold_a_round(live_members());
}

bool NodeCore::may_hold_a_round(const Roster& live) const {
    return live.size() >= std::max<std::size_t>(2, m_options.averaging.min_peers) &&
           is_sufficient(live);
}

void NodeCore::leave(Instant now) {
    if (std::exchange(m_leaving, true)) return;
    evaluate(now);
}

bool NodeCore::may_leave() const {
    if (is_observer()) return true;
    if (m_left) return !is_waited_for();
    // Without enough peers an open round cannot end. Who has yet to take over this reference will.
    if (!may_hold_a_round(live_peers())) return true;
    const bool needs_a_round = m_electorate.holds(m_options.self.id) || m_steps_since_reference > 0;
    return !m_round && !m_pull && !needs_a_round;
}

/// A live member of this peer's last round, in whatever life, has yet to say that it holds the
/// outcome: it may need this peer to finish its exchange, or to pull from.
bool NodeCore::is_waited_for() const {
    return std::any_of(m_view.peers.begin(), m_view.peers.end(), [this](const PeerInfo& peer) {
        const bool took_part =
            std::any_of(roster().begin(), roster().end(),
                        [&peer](const Member& member) { return member.id == peer.member.id; });
        return peer.live && took_part && peer.reference.epoch < m_reference->epoch &&
               !m_same_reference.contains(peer.member);
    });
}

/// In lockstep of those that step together, else of all live peers.
bool NodeCore::all_are_done() const {
    if (!m_done || !m_install_confirmed) return false;
    const bool only_members = in_lockstep() && !m_pacer.members().empty();
    return std::all_of(m_view.peers.begin(), m_view.peers.end(), [&](const PeerInfo& peer) {
        if (!peer.live) return true;
        if (only_members && !m_pacer.waits_for(peer, m_reference->id)) return true;
        return peer.done && peer.reference == m_reference->id;
    });
}

bool NodeCore::final_round_is_due(Instant now) const {
    if (!all_are_done() || !is_sufficient(live_members())) return false;
    const bool own_drift =
        m_steps_since_reference > 0 && !m_missed_rounds.ignores_drift_of(m_options.self.id, now);
    return own_drift ||
           std::any_of(m_view.peers.begin(), m_view.peers.end(), [this, now](const PeerInfo& peer) {
               // In lockstep a joiner trains from the next reference on: there must be one.
               const bool waits_to_join = in_lockstep() && !peer.done &&
                                          peer.reference == m_reference->id &&
                                          !m_pacer.waits_for(peer, m_reference->id);
               const bool has_drift = peer.steps_since_reference > 0 &&
                                      !m_missed_rounds.ignores_drift_of(peer.member.id, now);
               return peer.live && (has_drift || waits_to_join);
           });
}

/// Lockstep: those who stepped together have all been started again, each at a step of its own.
bool NodeCore::regrouping_is_due() const {
    if (!in_lockstep() || m_pacer.is_in_step() || all_are_done() || !may_call()) return false;
    return std::none_of(m_view.peers.begin(), m_view.peers.end(), [this](const PeerInfo& peer) {
        return peer.live &&
               (peer.position == LockstepPosition::in_step || peer.reference != m_reference->id);
    });
}

bool NodeCore::is_finished() const {
    return all_are_done() && !m_round && !m_pull && m_steps_since_reference == 0 &&
           std::all_of(m_view.peers.begin(), m_view.peers.end(), [this](const PeerInfo& peer) {
               return !peer.live || (peer.done && peer.reference == m_reference->id &&
                                     peer.steps_since_reference == 0);
           });
}

}  // namespace dynavg::protocol
