#include "simulation/balancer.hpp"

#include <set>
#include <utility>
#include <vector>

#include "protocol/base/check.hpp"
#include "protocol/monitor/balancing.hpp"

namespace dynavg::simulation {

protocol::BalancingOutcome Balancer::balance(const protocol::BalancingOrder& order) {
    if (m_order == order) return m_outcome;
    // Of one step all find the same.
    DYNAVG_CHECK(!m_order || m_order->reference != order.reference || m_order->step < order.step);
    m_outcome = carry_out(order);
    m_order = order;
    return m_outcome;
}

protocol::BalancingOutcome Balancer::carry_out(const protocol::BalancingOrder& order) {
    const protocol::Reference& reference = *m_peers.front()->installed();
    DYNAVG_CHECK(reference.id == order.reference);
    std::set<std::size_t> violators;
    std::vector<float> weights;
    for (std::size_t i = 0; i < m_peers.size(); ++i) {
        DYNAVG_CHECK(m_peers[i]->steps_since_reference() == order.step);
        if (order.violators.contains(m_peers[i]->member().id)) violators.insert(i);
        weights.push_back(m_peers[i]->weight());
    }
    const auto model = [&](std::size_t peer) {
        std::vector<float> values(reference.values.size());
        m_peers[peer]->learner().copy_contribution(values);
        return values;
    };
    const protocol::RandomStream random(m_seed, protocol::RandomPurpose::balancing, order.step,
                                        reference.id.epoch.value());
    const auto balancing =
        protocol::balance(reference, std::move(violators), {weights, model}, random);
    if (!balancing) return protocol::BalancingOutcome::for_all;
    for (const std::size_t member : balancing->members) m_peers[member]->set_model(balancing->mean);
    ++m_balancings;
    m_models += balancing->members.size();
    return protocol::BalancingOutcome::balanced;
}

std::uint64_t Balancer::bytes() const {
    if (m_models == 0) return 0;
    return 2 * m_models * sizeof(float) * m_peers.front()->installed()->values.size();
}

}  // namespace dynavg::simulation
