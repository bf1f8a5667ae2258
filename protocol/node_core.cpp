#include "protocol/node_core.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "protocol/check.hpp"
#include "protocol/limits.hpp"
#include "protocol/roster.hpp"
#include "protocol/wire/codec.hpp"

namespace dynavg::protocol {

namespace {

std::string explain(RoundReason reason, const Evidence& evidence) {
    switch (reason) {
        case RoundReason::crossing:
            break;
        case RoundReason::every_step:
            return "the monitor asks for a round after every step";
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

NodeCore::NodeCore(NodeCoreOptions options)
    : m_options(std::move(options)),
      m_reference(m_options.initial),
      m_history(m_reference->id),
      m_monitor(m_options.averaging.monitor, m_options.averaging.sketch, m_reference->parameters),
      m_pacer(m_options.self, m_options.averaging, m_options.start_peers) {
    DYNAVG_CHECK(m_reference->epoch == Epoch(0));
    m_promise.incarnation = m_promise.remembers = m_options.self.incarnation;
    if (m_options.restored) restore(*m_options.restored);
}

// --- inputs -----------------------------------------------------------------------------------

void NodeCore::on_step(const StepReport& report, Instant now) {
    m_steps = report.steps;
    m_step_time = report.step_time;
    if (report.reference != m_reference->id) return;
    m_install_confirmed = true;
    m_steps_since_reference = report.steps_since_reference;
    if (report.done != m_done) m_actions.heartbeat_now = true;
    m_done = report.done;
    if (report.state) {
        const auto step = static_cast<std::uint32_t>(report.steps_since_reference);
        // The trainer drops a drift that is not finite before it reports.
        DYNAVG_CHECK(m_monitor.put(m_options.self.id, step, *report.state, now));
        m_state_is_published = false;
        m_last_asked = now;
        publish_state(now);
    }
    evaluate(now);
}

void NodeCore::on_peers(const PeerView& view, Instant now) {
    m_view = view;
    m_pacer.on_peers(m_view, m_reference->id);
    std::erase_if(m_early, [this](const auto& entry) { return find_peer(entry.first) == nullptr; });
    std::erase_if(m_forks, [this](const auto& entry) { return find_peer(entry.first) == nullptr; });
    const auto is_known = [this](const PeerId& id) {
        return id == m_options.self.id || find_peer(id) != nullptr;
    };
    m_monitor.keep_only(is_known);
    m_left_out.keep_only(is_known);
    std::erase_if(m_same_reference,
                  [this](const Member& member) { return find_peer(member.id) == nullptr; });
    if (m_round) tick_round(now);
    if (!m_forks.empty()) resolve_forks(now);
    evaluate(now);
}

void NodeCore::on_message(const Member& from, const Header& header, const Message& message,
                          Instant now) {
    on_header(from, header, now);
    if (const auto* heartbeat = std::get_if<Heartbeat>(&message)) {
        on_reference_heard(from, {header.epoch, heartbeat->reference_digest}, now);
        if (heartbeat->round) on_round_status(from, header, *heartbeat->round, now);
        if (has_reference(header) && !heartbeat->departed.empty()) {
            m_electorate.hear({from, heartbeat->remembers}, heartbeat->departed);
            report_departures();
        }
        evaluate(now);
    } else if (const auto* state = std::get_if<StateMessage>(&message)) {
        on_state(from, header, *state, now);
    } else if (const auto* round = std::get_if<RoundState>(&message)) {
        on_round_state(from, *round, now);
    } else if (std::holds_alternative<RoundRequest>(message)) {
        if (may_speak()) m_actions.send.emplace_back(from.id, round_state());
    } else if (const auto* asked = std::get_if<StateRequest>(&message)) {
        if (has_reference(header)) answer_state_request(from, *asked);
    } else if (const auto* after = std::get_if<HistoryRequest>(&message)) {
        m_actions.send.emplace_back(from.id, HistoryReply{m_history.since(after->after)});
    } else if (const auto* history = std::get_if<HistoryReply>(&message)) {
        on_history(from, *history, now);
    }
}

void NodeCore::on_tick(Instant now) {
    if (!m_state_is_published) publish_state(now);
    if (m_round) tick_round(now);
    if (m_pull && now - m_pull->since > limits::kPullTimeout) {
        m_pull.reset();
        m_actions.abort_pull = true;
    }
    acknowledge_departures();
    ask_for_missing_states(now);
    evaluate(now);
}

Actions NodeCore::take_actions(Instant now) {
    m_actions.allowed_steps = allowed_steps();
    m_actions.next_tick = next_tick(now);
    return std::exchange(m_actions, {});
}

void NodeCore::describe(Heartbeat& heartbeat) const {
    heartbeat.steps = m_steps;
    heartbeat.steps_since_reference = m_steps_since_reference;
    heartbeat.step_time_us = static_cast<std::uint32_t>(std::clamp<Duration::rep>(
        m_step_time.count(), 0, std::numeric_limits<std::uint32_t>::max()));
    // Until the trainer has moved to the reference, nobody knows how much drift is left.
    heartbeat.done = m_done && m_install_confirmed;
    heartbeat.standing = m_pacer.standing();
    heartbeat.reference_digest = m_reference->id.digest;
    heartbeat.remembers = m_promise.remembers;
    heartbeat.departed = m_electorate.acknowledged();
    if (may_speak()) {
        heartbeat.round = RoundStatus{m_round->target(), m_round->attempt(),
                                      wire::digest_of(round_state()), m_progress};
    }
}

std::optional<StateMessage> NodeCore::state_to_repeat() const {
    const auto step = m_monitor.latest_step(m_options.self.id);
    const bool small = m_options.averaging.monitor != MonitorKind::exact;
    if (!m_done || !step || !small) return std::nullopt;
    return StateMessage{*step, *m_monitor.state_at(m_options.self.id, *step)};
}

// --- states and the decision ------------------------------------------------------------------

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
    evaluate(now);
}

void NodeCore::publish_state(Instant now) {
    const bool due = in_lockstep() || now - m_last_published >= m_options.averaging.state_interval;
    const auto step = m_monitor.latest_step(m_options.self.id);
    if (!step) m_state_is_published = true;
    if (!due || !step) return;
    m_actions.publish.push_back(StateMessage{*step, *m_monitor.state_at(m_options.self.id, *step)});
    m_state_is_published = true;
    m_last_published = now;
}

/// The one place where a peer decides, by itself, that a round must start.
void NodeCore::evaluate(Instant now) {
    if (m_round || m_pull || !m_pacer.has_started() || !m_install_confirmed || m_left) return;
    if (m_leaving) {
        if (!may_leave() && may_call()) {
            call_round(RoundReason::leave, m_estimate.value_or(Estimate{}), now);
        }
        return;
    }
    if (m_steps_since_reference > 0) {
        Roster members = live_members();
        if (in_lockstep()) {
            if (!m_pacer.is_in_step() || m_checked_step == m_steps_since_reference) {
                members.clear();
            } else {
                members = m_pacer.live_members(m_view, m_reference->id);
                if (!step_is_complete(members)) return;
            }
        } else {
            std::erase_if(members, [this, now](const Member& member) {
                return m_left_out.holds(member.id, now);
            });
        }
        if (!members.empty()) {
            const auto step = static_cast<std::uint32_t>(m_steps_since_reference);
            m_estimate = in_lockstep() ? m_monitor.estimate_at(step, members, now)
                                       : m_monitor.estimate_latest(members, now);
            m_checked_step = m_steps_since_reference;
            const bool above = m_estimate->bound > m_reference->threshold;
            if (above) report_who_is_missing();
            if (above && may_call()) {
                const bool every_step = m_options.averaging.monitor == MonitorKind::every_step;
                return call_round(every_step ? RoundReason::every_step : RoundReason::crossing,
                                  *m_estimate, now);
            }
        }
    }
    const Estimate estimate = m_estimate.value_or(Estimate{});
    if (final_round_is_due(now)) return call_round(RoundReason::final, estimate, now);
    if (regrouping_is_due()) call_round(RoundReason::regroup, estimate, now);
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
    m_actions.events.push_back(
        Event("round_impossible", Level::warning,
              fmt::format("the models have drifted apart, but only {} peers are live here, too few "
                          "or no quorum of the last round: this node trains on and the reference "
                          "stays; start or reconnect the missing peers",
                          live.size()))
            .with("live", live.size())
            .with("expected", m_history.last().roster.size()));
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
        return done || (latest && *latest > step + m_options.averaging.check_every);
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
        if (member == m_options.self || m_monitor.state_at(member.id, step) != nullptr) continue;
        m_actions.send.emplace_back(member.id, StateRequest{step});
    }
}

/// Who went on alone behind a cut no longer has the states that others wait for: its latest tells
/// them to wait for it no more.
void NodeCore::answer_state_request(const Member& from, const StateRequest& request) {
    const PeerId& self = m_options.self.id;
    const auto latest = m_monitor.latest_step(self);
    if (!latest) return;
    const bool has_gone_on = m_monitor.state_at(self, request.step) == nullptr;
    const std::uint32_t step = has_gone_on ? *latest : request.step;
    if (step < request.step) return;
    m_actions.send.emplace_back(from.id, StateMessage{step, *m_monitor.state_at(self, step)});
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
    // Without enough peers an open round cannot end. Who has yet to take over this reference will.
    if (m_left || !may_hold_a_round(live_peers())) return true;
    const bool needs_a_round = m_electorate.holds(m_options.self.id) || m_steps_since_reference > 0;
    return !m_round && !m_pull && !needs_a_round;
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
    const bool own_drift = m_steps_since_reference > 0 && !m_left_out.holds(m_options.self.id, now);
    return own_drift ||
           std::any_of(m_view.peers.begin(), m_view.peers.end(), [this, now](const PeerInfo& peer) {
               // In lockstep a joiner trains from the next reference on: there must be one.
               const bool waits_to_join = in_lockstep() && !peer.done &&
                                          peer.reference == m_reference->id &&
                                          !m_pacer.waits_for(peer, m_reference->id);
               const bool has_drift =
                   peer.steps_since_reference > 0 && !m_left_out.holds(peer.member.id, now);
               return peer.live && (has_drift || waits_to_join);
           });
}

/// Lockstep: those who stepped together have all been started again, each at a step of its own.
bool NodeCore::regrouping_is_due() const {
    if (!in_lockstep() || m_pacer.is_in_step() || all_are_done() || !may_call()) return false;
    return std::none_of(m_view.peers.begin(), m_view.peers.end(), [this](const PeerInfo& peer) {
        return peer.live &&
               (peer.standing == Standing::in_step || peer.reference != m_reference->id);
    });
}

bool NodeCore::is_finished() const {
    return all_are_done() && !m_round && !m_pull && m_steps_since_reference == 0 &&
           std::all_of(m_view.peers.begin(), m_view.peers.end(), [this](const PeerInfo& peer) {
               return !peer.live || (peer.done && peer.reference == m_reference->id &&
                                     peer.steps_since_reference == 0);
           });
}

// --- pace and time ----------------------------------------------------------------------------

std::uint64_t NodeCore::allowed_steps() const {
    if (!m_pacer.has_started() || m_leaving) return m_steps;
    if (in_lockstep()) return allowed_steps_in_lockstep();
    if (m_options.averaging.max_lag_steps == 0) return std::numeric_limits<std::uint64_t>::max();
    std::uint64_t slowest = std::numeric_limits<std::uint64_t>::max();
    for (const PeerInfo& peer : m_view.peers) {
        if (!peer.live || peer.done || peer.reference != m_reference->id) continue;
        const std::uint64_t heard = m_monitor.latest_step(peer.member.id).value_or(0);
        slowest = std::min(slowest, std::max(heard, peer.steps_since_reference));
    }
    if (slowest == std::numeric_limits<std::uint64_t>::max()) return slowest;
    const std::uint64_t before_reference = m_steps - std::min(m_steps, m_steps_since_reference);
    return before_reference + slowest + m_options.averaging.max_lag_steps;
}

/// The next check's step once this one's is complete and opened no round.
std::uint64_t NodeCore::allowed_steps_in_lockstep() const {
    if (m_round || m_pull || !m_install_confirmed || !m_pacer.is_in_step()) return m_steps;
    const std::uint64_t every = m_options.averaging.check_every;
    const std::uint64_t to_next_check = every - m_steps_since_reference % every;
    const bool at_check = m_steps_since_reference > 0 && to_next_check == every;
    if (at_check && m_checked_step != m_steps_since_reference) return m_steps;
    return m_steps + to_next_check;
}

Instant NodeCore::next_tick(Instant now) const {
    Instant next = kNever;
    if (m_round || m_pull) next = now + limits::kRoundTick;
    if (!m_state_is_published) {
        next = std::min(next, m_last_published + m_options.averaging.state_interval);
    }
    if (waits_for_states()) {
        next = std::min(next, m_last_asked + std::max(limits::kStateRetryInterval, m_step_time));
    }
    return std::max(next, now);
}

// --- helpers ----------------------------------------------------------------------------------

bool NodeCore::in_lockstep() const {
    return m_options.averaging.pace == Pace::lockstep;
}

bool NodeCore::has_reference(const Header& header) const {
    return header.epoch == m_reference->epoch &&
           header.reference_tag == m_reference->id.digest.high;
}

/// Self and the live peers that hold the same reference, sorted. Any message tells the reference,
/// sooner than the next heartbeat.
Roster NodeCore::live_members() const {
    Roster live{m_options.self};
    for (const PeerInfo& peer : m_view.peers) {
        const bool same =
            peer.reference == m_reference->id || m_same_reference.contains(peer.member);
        if (peer.live && same) live.push_back(peer.member);
    }
    std::sort(live.begin(), live.end());
    return live;
}

Roster NodeCore::live_peers() const {
    Roster live{m_options.self};
    for (const PeerInfo& peer : m_view.peers) {
        if (peer.live) live.push_back(peer.member);
    }
    std::sort(live.begin(), live.end());
    return live;
}

const PeerInfo* NodeCore::find_peer(const PeerId& id) const {
    const auto found = std::find_if(m_view.peers.begin(), m_view.peers.end(),
                                    [&id](const PeerInfo& peer) { return peer.member.id == id; });
    return found == m_view.peers.end() ? nullptr : &*found;
}

}  // namespace dynavg::protocol
