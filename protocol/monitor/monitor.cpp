#include "protocol/monitor/monitor.hpp"

#include <algorithm>

namespace dynavg::protocol {

VarianceMonitor::VarianceMonitor(MonitorKind kind, SketchShape shape, std::size_t parameters)
    : m_kind(kind), m_shape(shape), m_values(state_values(kind, shape, parameters)) {}

bool VarianceMonitor::put(const PeerId& peer, std::uint32_t step, LocalState state, Instant now) {
    const bool is_short = is_brief(m_kind, state);
    if (!is_valid(state, is_short ? state.values.size() : m_values)) return false;
    const auto found = m_states.find(peer);
    if (found == m_states.end()) {
        m_states.emplace(peer, Recent{{step, std::move(state), now}, std::nullopt});
        return true;
    }
    Recent& recent = found->second;
    const auto completes = [&](const Entry& held) {
        return held.step == step && !is_short && is_brief(m_kind, held.state);
    };
    if (step > recent.latest.step) {
        recent.before = std::move(recent.latest);
        recent.latest = {step, std::move(state), now};
    } else if (completes(recent.latest)) {
        recent.latest = {step, std::move(state), now};
    } else if (step < recent.latest.step &&
               (!recent.before || step > recent.before->step || completes(*recent.before))) {
        recent.before = Entry{step, std::move(state), now};
    }
    return true;
}

const LocalState* VarianceMonitor::state_at(const PeerId& peer, std::uint32_t step) const {
    const auto found = m_states.find(peer);
    if (found == m_states.end()) return nullptr;
    const Recent& recent = found->second;
    if (recent.latest.step == step) return &recent.latest.state;
    if (recent.before && recent.before->step == step) return &recent.before->state;
    return nullptr;
}

std::optional<std::uint32_t> VarianceMonitor::latest_step(const PeerId& peer) const {
    const auto found = m_states.find(peer);
    if (found == m_states.end()) return std::nullopt;
    return found->second.latest.step;
}

bool VarianceMonitor::lacks_sketch(const PeerId& peer, std::uint32_t step) const {
    const LocalState* state = state_at(peer, step);
    const auto found = m_states.find(peer);
    if (state == nullptr && found != m_states.end()) state = &found->second.latest.state;
    return state != nullptr && is_brief(m_kind, *state);
}

Estimate VarianceMonitor::estimate_latest(const Roster& peers, Instant now) const {
    return estimate(peers, std::nullopt, now);
}

Estimate VarianceMonitor::estimate_at(std::uint32_t step, const Roster& peers, Instant now) const {
    return estimate(peers, step, now);
}

std::set<PeerId> VarianceMonitor::peers_above(double squared_norm, std::uint32_t step,
                                              const Roster& peers) const {
    std::set<PeerId> above;
    for (const Member& peer : peers) {
        const auto found = m_states.find(peer.id);
        if (found == m_states.end()) continue;
        const LocalState& state = entry_at(found->second, step).state;
        if (static_cast<double>(state.squared_norm) > squared_norm) above.insert(peer.id);
    }
    return above;
}

const VarianceMonitor::Entry& VarianceMonitor::entry_at(const Recent& recent,
                                                        std::optional<std::uint32_t> step) {
    const bool earlier = step && recent.before && recent.before->step == *step;
    return earlier ? *recent.before : recent.latest;
}

Estimate VarianceMonitor::estimate(const Roster& peers, std::optional<std::uint32_t> step,
                                   Instant now) const {
    Estimate estimate;
    std::vector<WeightedState> used;
    double weights = 0;
    for (const Member& peer : peers) {
        const auto weight = m_weights.find(peer.id);
        weights += weight == m_weights.end() ? 1.0 : weight->second;
        const auto found = m_states.find(peer.id);
        if (found == m_states.end()) continue;
        const Entry& entry = entry_at(found->second, step);
        used.push_back({&entry.state, weight == m_weights.end() ? 1.0 : weight->second});
        estimate.brief |= is_brief(m_kind, entry.state);
        estimate.oldest = std::max(estimate.oldest, now - entry.arrival);
    }
    estimate.states = static_cast<std::uint32_t>(used.size());
    estimate.bound = variance_bound(m_kind, m_shape, used, weights);
    return estimate;
}

}  // namespace dynavg::protocol
