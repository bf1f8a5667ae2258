#pragma once

#include <cstdint>
#include <optional>

#include "protocol/core/node_core.hpp"
#include "simulation/peer/peer.hpp"

namespace dynavg::simulation {

/// Carries out Kamp's balancing (protocol/monitor/balancing.hpp) among all peers of an experiment,
/// in lockstep and without faults: it reads and sets their models, with no network in between, so
/// what it would have sent is counted here. All members order a balancing alike; the first order
/// finds all models at its step and is carried out, the others are told what came of it.
class Balancer {
public:
    /// `seed` draws who is added, for each step anew.
    explicit Balancer(std::uint64_t seed) : m_seed(seed) {}
    /// Before the first order; outlives the balancer's use. Peer i has order i.
    void watch(Peers peers) { m_peers = peers; }

    [[nodiscard]] protocol::BalancingOutcome balance(const protocol::BalancingOrder& order);

    [[nodiscard]] std::uint64_t balancings() const { return m_balancings; }
    /// Summed over all balancings.
    [[nodiscard]] std::uint64_t models() const { return m_models; }
    /// As Kamp counts: each of these models to the coordinator, and the mean back.
    [[nodiscard]] std::uint64_t bytes() const;

private:
    [[nodiscard]] protocol::BalancingOutcome carry_out(const protocol::BalancingOrder& order);

    std::uint64_t m_seed;
    Peers m_peers;
    std::optional<protocol::BalancingOrder> m_order;  ///< The last one.
    protocol::BalancingOutcome m_outcome{};
    std::uint64_t m_balancings = 0;
    std::uint64_t m_models = 0;
};

}  // namespace dynavg::simulation
