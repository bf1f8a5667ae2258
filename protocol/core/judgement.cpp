#include "protocol/core/judgement.hpp"

#include <algorithm>
#include <chrono>
#include <limits>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/reference/threshold_rule.hpp"

namespace dynavg::protocol {

namespace {

/// The step that the trainer stands at, as states count it.
std::uint32_t step_of(const Situation& at) {
    return static_cast<std::uint32_t>(at.trainer.steps_since_reference);
}

}  // namespace

Judgement::Judgement(const Member& self, float weight, const AveragingSettings& averaging,
                     std::size_t parameters)
    : m_self(self),
      m_averaging(averaging),
      m_monitor(averaging.monitor, averaging.sketch, parameters) {
    m_monitor.weigh(self.id, static_cast<double>(weight));
}

// --- states in and out --------------------------------------------------------------------------

void Judgement::weigh(const PeerView& view) {
    for (const PeerInfo& peer : view.peers) {
        m_monitor.weigh(peer.member.id, static_cast<double>(peer.weight));
    }
}

void Judgement::on_own_state(std::uint32_t step, const LocalState& state, Instant now) {
    // The trainer drops a drift that is not finite before it reports.
    DYNAVG_CHECK(m_monitor.put(m_self.id, step, state, now));
    m_state_is_published = !tells_states();
    m_last_asked = now;
}

bool Judgement::on_state(const PeerId& from, const StateMessage& message, Instant now) {
    if (!m_monitor.put(from, message.step, message.state, now)) return false;
    const bool whole = !is_brief(m_averaging.monitor, message.state);
    if (whole) m_sketches_until = now + limits::kSketchPatience;
    return true;
}

/// Free pace tells states only to those monitors that need them.
bool Judgement::tells_states() const {
    return in_lockstep() || needs_states(m_averaging.monitor);
}

/// cascade: whether this state goes out with its sketch.
bool Judgement::tells_sketch(std::uint32_t step, Instant now) const {
    if (!traits_of(m_averaging.monitor).brief_values) return false;
    return in_lockstep() ? m_sketch_step == step : now < m_sketches_until;
}

std::optional<StateMessage> Judgement::take_state_to_publish(Instant now) {
    if (m_state_is_published) return std::nullopt;
    const bool due = in_lockstep() || now - m_last_published >= m_averaging.state_interval;
    const auto step = m_monitor.latest_step(m_self.id);
    if (!step) m_state_is_published = true;
    if (!due || !step) return std::nullopt;
    const LocalState& state = *m_monitor.state_at(m_self.id, *step);
    const bool whole = tells_sketch(*step, now);
    if (whole) ++m_sketches_told;
    m_state_is_published = true;
    m_last_published = now;
    return StateMessage{*step, whole ? state : brief(m_averaging.monitor, state)};
}

std::optional<StateMessage> Judgement::state_to_repeat(const TrainerProgress& trainer) const {
    const auto step = m_monitor.latest_step(m_self.id);
    const bool small = !traits_of(m_averaging.monitor).is_model_sized;
    if (!trainer.done || !step || !small || !tells_states()) return std::nullopt;
    return StateMessage{*step, brief(m_averaging.monitor, *m_monitor.state_at(m_self.id, *step))};
}

/// A peer that went on alone behind a cut no longer has the states that others wait for. Its latest
/// state tells them to wait for it no more. A peer that is done has no states of later steps.
std::optional<StateMessage> Judgement::answer(const StateRequest& request,
                                              const TrainerProgress& trainer, Instant now) {
    const auto latest = m_monitor.latest_step(m_self.id);
    if (!latest) return std::nullopt;
    if (request.with_sketch) m_sketches_until = now + limits::kSketchPatience;
    const bool has_gone_on = m_monitor.state_at(m_self.id, request.step) == nullptr;
    const std::uint32_t step = has_gone_on ? *latest : request.step;
    if (step < request.step && !(trainer.done && request.with_sketch)) return std::nullopt;
    const LocalState& state = *m_monitor.state_at(m_self.id, step);
    return StateMessage{step, request.with_sketch ? state : brief(m_averaging.monitor, state)};
}

bool Judgement::waits_for_states(const Situation& at) const {
    return in_lockstep() && !at.is_busy && at.trainer.has_reference && at.pacer.is_in_step() &&
           at.trainer.steps_since_reference > 0 &&
           m_checked_step != at.trainer.steps_since_reference &&
           m_monitor.latest_step(m_self.id) == at.trainer.steps_since_reference;
}

std::vector<std::pair<PeerId, StateRequest>> Judgement::requests_for_missing(const Situation& at) {
    std::vector<std::pair<PeerId, StateRequest>> requests;
    if (!waits_for_states(at)) return requests;
    if (at.now - m_last_asked < std::max(limits::kStateRetryInterval, at.trainer.step_time)) {
        return requests;
    }
    m_last_asked = at.now;
    const std::uint32_t step = step_of(at);
    for (const Member& member : at.pacer.live_members(at.peers.view(), at.reference.id)) {
        const bool sketch = m_sketch_step == step && m_monitor.lacks_sketch(member.id, step);
        const bool has_come = m_monitor.state_at(member.id, step) != nullptr && !sketch;
        if (member == m_self || has_come) continue;
        requests.emplace_back(member.id, StateRequest{step, sketch});
    }
    return requests;
}

// --- the decision -------------------------------------------------------------------------------

Verdict Judgement::judge(const Situation& at) {
    Verdict verdict;
    const Roster members = members_to_judge(at);
    if (members.empty()) return verdict;
    if (in_lockstep() && !step_is_complete(members, at)) {
        verdict.waits_for_states = true;
        return verdict;
    }
    m_estimate = in_lockstep() ? m_monitor.estimate_at(step_of(at), members, at.now)
                               : m_monitor.estimate_latest(members, at.now);
    if (waits_for_sketches(members, at, verdict)) return verdict;
    verdict.reason = reason_to_call(members.size(), at);
    if (verdict.reason == RoundReason::violation && traits_of(m_averaging.monitor).balances) {
        // All members find it of the same states. The step counts as checked once it is balanced.
        verdict.reason.reset();
        verdict.balancing = m_balancing =
            BalancingOrder{at.reference.id, step_of(at),
                           m_monitor.peers_above(at.reference.threshold, step_of(at), members)};
        return verdict;
    }
    m_checked_step = at.trainer.steps_since_reference;
    return verdict;
}

/// Over whom the condition is evaluated now; nobody, if it is not.
Roster Judgement::members_to_judge(const Situation& at) const {
    if (at.trainer.steps_since_reference == 0) return {};
    if (in_lockstep()) {
        const bool judged = m_checked_step == at.trainer.steps_since_reference;
        if (!at.pacer.is_in_step() || judged) return {};
        return at.pacer.live_members(at.peers.view(), at.reference.id);
    }
    Roster members =
        needs_states(m_averaging.monitor) ? at.peers.live_holders(at.reference.id) : Roster{m_self};
    std::erase_if(members, [&](const Member& member) {
        return m_missed_rounds.ignores_drift_of(member.id, at.now);
    });
    return members;
}

/// Every member's state of this step is in. A member that is done, or that does not wait for this
/// peer, counts with its latest.
bool Judgement::step_is_complete(const Roster& members, const Situation& at) const {
    const std::uint32_t step = step_of(at);
    return std::all_of(members.begin(), members.end(), [&](const Member& member) {
        if (m_monitor.state_at(member.id, step) != nullptr) return true;
        const PeerInfo* peer = at.peers.find(member.id);
        const bool done = peer != nullptr && peer->done && peer->reference == at.reference.id &&
                          peer->steps_since_reference < step;
        const auto latest = m_monitor.latest_step(member.id);
        return done || (latest && *latest > step + m_averaging.steps_between_checks());
    });
}

/// cascade: the linear bound is above the threshold, and a sketch may yet show that the variance is
/// not. In lockstep every sketch comes; in free pace the linear bound decides alone after a while.
bool Judgement::waits_for_sketches(const Roster& members, const Situation& at, Verdict& verdict) {
    if (!m_estimate->brief || m_estimate->bound <= at.reference.threshold) {
        m_brief_since.reset();
        return false;
    }
    want_sketches(members, at, verdict);
    if (in_lockstep()) return true;
    if (!m_brief_since) m_brief_since = at.now;
    return at.now - *m_brief_since < limits::kSketchPatience;
}

/// In lockstep all members find the linear bound above the threshold on the same states, and tell
/// their sketches of this step unasked. In free pace a peer that hears a sketch answers in kind.
void Judgement::want_sketches(const Roster& members, const Situation& at, Verdict& verdict) {
    const bool told = tells_sketch(step_of(at), at.now);
    m_sketch_step = step_of(at);
    m_sketches_until = at.now + limits::kSketchPatience;
    if (!told) {
        m_state_is_published = false;
        verdict.publish = take_state_to_publish(at.now);
    }
    if (in_lockstep() || at.now - m_last_asked_sketch < limits::kStateRetryInterval) return;
    m_last_asked_sketch = at.now;
    for (const Member& member : members) {
        if (member == m_self || !m_monitor.lacks_sketch(member.id, 0)) continue;
        verdict.ask.emplace_back(member.id, StateRequest{0, true});
    }
}

std::optional<RoundReason> Judgement::reason_to_call(std::size_t peers, const Situation& at) const {
    const Trigger trigger = traits_of(m_averaging.monitor).trigger;
    if (trigger == Trigger::every_step) return RoundReason::every_step;
    if (trigger == Trigger::interval) {
        if (at.trainer.steps_since_reference < m_averaging.interval) return std::nullopt;
        return RoundReason::interval;
    }
    if (m_estimate->bound > at.reference.threshold) {
        return trigger == Trigger::own_drift ? RoundReason::violation : RoundReason::crossing;
    }
    if (m_setting && m_estimate->bound > m_setting->threshold) return RoundReason::threshold_set;
    const double overdue =
        overdue_steps(m_averaging.threshold_rule, peers, at.reference.values.size());
    if (static_cast<double>(at.trainer.steps_since_reference) >= overdue) {
        return RoundReason::overdue;
    }
    return std::nullopt;
}

/// The states of this step stay as they were told: a peer that has yet to judge it must find what
/// the others found, and is told the same outcome.
bool Judgement::on_balanced(const BalancingOrder& order, const TrainerProgress& trainer) {
    if (m_balancing != order) return false;
    m_balancing.reset();
    m_checked_step = trainer.steps_since_reference;
    return true;
}

/// In lockstep of those that step together, else of all live peers.
bool Judgement::all_are_done(const Situation& at) const {
    if (!at.trainer.done || !at.trainer.has_reference) return false;
    const bool only_members = in_lockstep() && !at.pacer.members().empty();
    const std::vector<PeerInfo>& peers = at.peers.view().peers;
    return std::all_of(peers.begin(), peers.end(), [&](const PeerInfo& peer) {
        if (!peer.live) return true;
        if (only_members && !at.pacer.waits_for(peer, at.reference.id)) return true;
        return peer.done && peer.reference == at.reference.id;
    });
}

bool Judgement::final_round_is_due(const Situation& at) const {
    if (!all_are_done(at)) return false;
    if (at.trainer.steps_since_reference > 0 &&
        !m_missed_rounds.ignores_drift_of(m_self.id, at.now)) {
        return true;
    }
    const std::vector<PeerInfo>& peers = at.peers.view().peers;
    return std::any_of(peers.begin(), peers.end(), [&](const PeerInfo& peer) {
        // In lockstep a joiner trains from the next reference on: there must be one.
        const bool waits_to_join = in_lockstep() && !peer.done &&
                                   peer.reference == at.reference.id &&
                                   !at.pacer.waits_for(peer, at.reference.id);
        const bool has_drift = peer.steps_since_reference > 0 &&
                               !m_missed_rounds.ignores_drift_of(peer.member.id, at.now);
        return peer.live && (has_drift || waits_to_join);
    });
}

bool Judgement::regrouping_is_due(const Situation& at) const {
    if (!in_lockstep() || at.pacer.is_in_step() || all_are_done(at)) return false;
    const std::vector<PeerInfo>& peers = at.peers.view().peers;
    return std::none_of(peers.begin(), peers.end(), [&](const PeerInfo& peer) {
        return peer.live &&
               (peer.position == LockstepPosition::in_step || peer.reference != at.reference.id);
    });
}

bool Judgement::is_finished(const Situation& at) const {
    if (!all_are_done(at) || at.is_busy || at.trainer.steps_since_reference > 0) return false;
    const std::vector<PeerInfo>& peers = at.peers.view().peers;
    return std::all_of(peers.begin(), peers.end(), [&](const PeerInfo& peer) {
        return !peer.live ||
               (peer.done && peer.reference == at.reference.id && peer.steps_since_reference == 0);
    });
}

Evidence Judgement::evidence(RoundReason reason, const Situation& at) const {
    using std::chrono::duration_cast;
    using std::chrono::milliseconds;
    const Estimate estimate = m_estimate.value_or(Estimate{});
    Evidence evidence;
    evidence.reason = reason;
    evidence.estimate = estimate.bound;
    evidence.threshold = at.reference.threshold;
    evidence.states = estimate.states;
    evidence.oldest_state_ms =
        static_cast<std::uint32_t>(duration_cast<milliseconds>(estimate.oldest).count());
    evidence.step = StepIndex(at.trainer.steps_since_reference);
    return evidence;
}

void Judgement::on_reference(const Reference& reference) {
    if (m_setting && m_setting->set_at_ms <= reference.threshold_set_at_ms) m_setting.reset();
    m_monitor.reset();
    m_estimate.reset();
    m_checked_step.reset();
    m_balancing.reset();
    m_state_is_published = true;
    m_sketch_step.reset();
    m_sketches_until = {};
    m_brief_since.reset();
}

// --- the threshold that a person sets -----------------------------------------------------------

Expected<void, Error> Judgement::set_threshold(double threshold, std::uint64_t unix_ms,
                                               const Reference& reference) {
    if (!has_condition(m_averaging.monitor)) {
        return fail(
            fmt::format("no threshold decides when this network averages: its monitor is {}",
                        monitor_text(m_averaging)));
    }
    if (m_averaging.threshold_rule.kind != ThresholdKind::fixed) {
        return fail(
            "this network's threshold is \"auto\": a rule moves it with every round, and what a "
            "person sets would not last");
    }
    const auto known = later_of(reference.setting(), m_setting);
    const ThresholdSetting setting{threshold, std::max(unix_ms, known ? known->set_at_ms + 1 : 1)};
    if (!is_valid(setting)) {
        return fail(
            fmt::format("{} can't be a threshold: a finite number above 0 is wanted", threshold));
    }
    m_setting = setting;
    return {};
}

// --- pace ---------------------------------------------------------------------------------------

std::uint64_t Judgement::allowed_steps(const Situation& at) const {
    if (in_lockstep()) return allowed_steps_in_lockstep(at);
    constexpr std::uint64_t kUnlimited = std::numeric_limits<std::uint64_t>::max();
    if (m_averaging.max_lag_steps == 0) return kUnlimited;
    std::uint64_t slowest = kUnlimited;
    for (const PeerInfo& peer : at.peers.view().peers) {
        if (!peer.live || peer.done || peer.reference != at.reference.id) continue;
        const std::uint64_t heard = m_monitor.latest_step(peer.member.id).value_or(0);
        slowest = std::min(slowest, std::max(heard, peer.steps_since_reference));
    }
    if (slowest == kUnlimited) return kUnlimited;
    const TrainerProgress& trainer = at.trainer;
    const std::uint64_t before_reference =
        trainer.steps - std::min(trainer.steps, trainer.steps_since_reference);
    return before_reference + slowest + m_averaging.max_lag_steps;
}

/// The next check's step once this one's is complete and opened no round.
std::uint64_t Judgement::allowed_steps_in_lockstep(const Situation& at) const {
    const TrainerProgress& trainer = at.trainer;
    if (at.is_busy || !trainer.has_reference || !at.pacer.is_in_step()) return trainer.steps;
    const std::uint64_t every = m_averaging.steps_between_checks();
    const std::uint64_t to_next_check = every - trainer.steps_since_reference % every;
    const bool at_check = trainer.steps_since_reference > 0 && to_next_check == every;
    if (at_check && m_checked_step != trainer.steps_since_reference) return trainer.steps;
    return trainer.steps + to_next_check;
}

Instant Judgement::next_tick(const Situation& at) const {
    Instant next = kNever;
    if (!m_state_is_published) next = std::min(next, m_last_published + m_averaging.state_interval);
    if (waits_for_states(at)) {
        next = std::min(next,
                        m_last_asked + std::max(limits::kStateRetryInterval, at.trainer.step_time));
    }
    if (m_brief_since && at.now - *m_brief_since < limits::kSketchPatience) {
        next = std::min(next, *m_brief_since + limits::kSketchPatience);
    }
    return next;
}

std::optional<float> Judgement::squared_drift() const {
    const auto step = m_monitor.latest_step(m_self.id);
    if (!step) return std::nullopt;
    return m_monitor.state_at(m_self.id, *step)->squared_norm;
}

}  // namespace dynavg::protocol
