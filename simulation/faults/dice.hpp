#pragma once

#include <cmath>
#include <cstdint>

#include "protocol/base/instant.hpp"
#include "protocol/base/random.hpp"

namespace dynavg::simulation {

/// The dice by which the swarm draws its networks and faults.
class Dice {
public:
    explicit Dice(protocol::RandomStream random) : m_random(random) {}

    /// True once in so many times.
    [[nodiscard]] bool once_in(std::uint64_t times) { return m_random.below(times) == 0; }
    /// Both ends included.
    [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + m_random.below(high - low + 1);
    }
    [[nodiscard]] protocol::Duration milliseconds(std::uint64_t low, std::uint64_t high) {
        return std::chrono::milliseconds(between(low, high));
    }
    /// Each order of magnitude is as likely as the next one; low > 0.
    [[nodiscard]] std::uint64_t magnitude(std::uint64_t low, std::uint64_t high) {
        const double ratio = static_cast<double>(high) / static_cast<double>(low);
        const double drawn = static_cast<double>(low) * std::pow(ratio, m_random.uniform());
        return static_cast<std::uint64_t>(drawn);
    }
    [[nodiscard]] protocol::Duration magnitude_ms(std::uint64_t low, std::uint64_t high) {
        return std::chrono::milliseconds(magnitude(low, high));
    }

private:
    protocol::RandomStream m_random;
};

}  // namespace dynavg::simulation
