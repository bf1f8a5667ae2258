#include "protocol/core/node_core.hpp"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/round/roster.hpp"
#include "protocol/wire/codec.hpp"

namespace dynavg::protocol {

NodeCore::NodeCore(NodeCoreOptions options)
    : m_options(std::move(options)),
      m_reference(m_options.initial),
      m_history(m_reference->id),
      m_monitor(m_options.averaging.monitor, m_options.averaging.sketch, m_reference->parameters),
      m_pacer(m_options.self, m_options.averaging, m_options.start_peers) {
    DYNAVG_CHECK(m_reference->epoch == Epoch(0));
    m_monitor.weigh(m_options.self.id, static_cast<double>(m_options.weight));
    m_promise.incarnation = m_promise.remembers = m_options.self.incarnation;
    if (m_options.restored) restore(*m_options.restored);
    // It promises nothing, but the next life must be above this one.
    if (is_observer()) order_promise();
}

// --- inputs -----------------------------------------------------------------------------------

void NodeCore::on_step(const StepReport& report, Instant now) {
    m_steps = report.steps;
    m_step_time = report.step_time;
    if (report.reference != m_reference->id) return;
    m_install_confirmed = true;
    if (is_observer()) return;
    m_steps_since_reference = report.steps_since_reference;
    if (report.done != m_done) m_actions.heartbeat_now = true;
    m_done = report.done;
    if (report.state) {
        const auto step = static_cast<std::uint32_t>(report.steps_since_reference);
        // The trainer drops a drift that is not finite before it reports.
        DYNAVG_CHECK(m_monitor.put(m_options.self.id, step, *report.state, now));
        m_state_is_published = !tells_states();
        m_last_asked = now;
        if (tells_states()) publish_state(now);
    }
    evaluate(now);
}

void NodeCore::on_peers(const PeerView& view, Instant now) {
    const bool same_peers =
        std::equal(m_view.peers.begin(), m_view.peers.end(), view.peers.begin(), view.peers.end(),
                   [](const PeerInfo& a, const PeerInfo& b) { return a.member == b.member; });
    m_view = view;
    discount_who_has_left();
    if (!same_peers) forget_who_has_gone();
    m_pacer.on_peers(m_view, m_reference->id);
    for (const PeerInfo& peer : m_view.peers) {
        m_monitor.weigh(peer.member.id, static_cast<double>(peer.weight));
    }
    if (m_round) tick_round(now);
    if (!m_forks.empty()) resolve_forks(now);
    evaluate(now);
}

/// A peer that left with the last round stays until every member has the outcome, and takes no part
/// in what follows. If this peer left with it too, the others are those that it waits for.
void NodeCore::discount_who_has_left() {
    if (m_left) return;
    for (PeerInfo& peer : m_view.peers) {
        if (contains(m_history.last().leaving, peer.member)) peer.live = false;
    }
}

void NodeCore::forget_who_has_gone() {
    m_places.clear();
    for (std::size_t i = 0; i < m_view.peers.size(); ++i) {
        m_places.emplace(m_view.peers[i].member.id, i);
    }
    std::erase_if(m_early, [this](const auto& entry) { return find_peer(entry.first) == nullptr; });
    std::erase_if(m_forks, [this](const auto& entry) { return find_peer(entry.first) == nullptr; });
    std::erase_if(m_same_reference,
                  [this](const Member& member) { return find_peer(member.id) == nullptr; });
    const auto is_known = [this](const PeerId& id) {
        return id == m_options.self.id || find_peer(id) != nullptr;
    };
    m_monitor.keep_only(is_known);
    m_missed_rounds.keep_only(is_known);
}

void NodeCore::on_message(const Member& from, const Header& header, const Message& message,
                          Instant now) {
    if (is_observer()) return follow(from, header, message, now);
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
        if (has_reference(header)) answer_state_request(from, *asked, now);
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
    heartbeat.position = m_pacer.position();
    heartbeat.weight = m_options.weight;
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
    if (!m_done || !step || !small || !tells_states()) return std::nullopt;
    return StateMessage{
        *step, brief(m_options.averaging.monitor, *m_monitor.state_at(m_options.self.id, *step))};
}

std::optional<float> NodeCore::squared_drift() const {
    const auto step = m_monitor.latest_step(m_options.self.id);
    if (!step) return std::nullopt;
    return m_monitor.state_at(m_options.self.id, *step)->squared_norm;
}

// --- pace and time ----------------------------------------------------------------------------

std::uint64_t NodeCore::allowed_steps() const {
    if (!m_pacer.has_started() || m_leaving || is_observer()) return m_steps;
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
    const std::uint64_t every = m_options.averaging.steps_between_checks();
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
    if (m_brief_since && now - *m_brief_since < limits::kSketchPatience) {
        next = std::min(next, *m_brief_since + limits::kSketchPatience);
    }
    return std::max(next, now);
}

// --- helpers ----------------------------------------------------------------------------------

bool NodeCore::in_lockstep() const {
    return m_options.averaging.pace == Pace::lockstep;
}

bool NodeCore::tells_states() const {
    return in_lockstep() || needs_states(m_options.averaging.monitor);
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
    const auto found = m_places.find(id);
    return found == m_places.end() ? nullptr : &m_view.peers[found->second];
}

}  // namespace dynavg::protocol
