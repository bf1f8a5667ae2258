#include "protocol/monitor.hpp"

#include <algorithm>

namespace dynavg::protocol {

VarianceMonitor::VarianceMonitor(MonitorKind kind, SketchShape shape, std::size_t parameters)
    : m_kind(kind), m_shape(shape), m_values(state_values(kind, shape, parameters)) {}

bool VarianceMonitor::put(const PeerId& peer, std::uint32_t step, LocalState state, Instant now) {
    if (!is_valid(state, m_values)) return false;
    const auto found = m_states.find(peer);
    if (found == m_states.end()) {
        m_states.emplace(peer, Recent{{step, std::move(state), now}, std::nullopt});
    } else if (Recent& recent = found->second; step > recent.latest.step) {
        recent.before = std::move(recent.latest);
        recent.latest = {step, std::move(state), now};
    } else if (step < recent.latest.step && (!recent.before || step > recent.before->step)) {
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

Estimate VarianceMonitor::estimate_latest(const Roster& peers, Instant now) const {
    return estimate(peers, std::nullopt, now);
}

Estimate VarianceMonitor::estimate_at(std::uint32_t step, const Roster& peers, Instant now) const {
    return estimate(peers, step, now);
}

Estimate VarianceMonitor::estimate(const Roster& peers, std::optional<std::uint32_t> step,
                                   Instant now) const {
    Estimate estimate;
    std::vector<const LocalState*> used;
    for (const Member& peer : peers) {
        const auto found = m_states.find(peer.id);
        if (found == m_states.end()) continue;
        const Recent& recent = found->second;
        const bool earlier = step && recent.before && recent.before->step == *step;
        const Entry& entry = earlier ? *recent.before : recent.latest;
        used.push_back(&entry.state);
        estimate.oldest = std::max(estimate.oldest, now - entry.arrival);
    }
    estimate.states = static_cast<std::uint32_t>(used.size());
    estimate.bound = variance_bound(m_kind, m_shape, used, peers.size());
    return estimate;
}

}  // namespace dynavg::protocol
