#pragma once

#include <vector>

#include "protocol/monitor/monitor_kind.hpp"
#include "protocol/reference/learner.hpp"

namespace dynavg::simulation {

/// A model whose training can be counted: every local step of peer i adds 1 to coordinate i, and
/// nothing else. So the references show how often each step has entered them. Coordinates beyond
/// the peers stay zero; they only make the vector longer. Its sketch has one row as long as the
/// vector, which is the drift itself.
class ToyLearner : public protocol::Learner {
public:
    ToyLearner(std::size_t coordinate, protocol::MonitorKind monitor,
               protocol::ReferencePointer initial);

    [[nodiscard]] protocol::ReferenceShape shape() const override;
    double compute_gradient() override { return 0; }
    void apply_update() override { m_values[m_coordinate] += 1; }
    [[nodiscard]] protocol::LocalState local_state() const override;
    void copy_contribution(std::span<float> out) const override;
    void install(protocol::ReferencePointer reference, std::span<const float> base) override;
    void set_model(std::span<const float> values) override;
    bool restore(protocol::ReferencePointer reference, std::span<const float> values,
                 std::span<const std::byte> optimizer, std::uint64_t steps) override;
    [[nodiscard]] std::vector<std::byte> optimizer_state() const override { return {}; }
    void reset_to_reference() override { m_values = m_reference->values; }
    [[nodiscard]] const std::vector<float>& values() const { return m_values; }

private:
    std::size_t m_coordinate;
    protocol::MonitorKind m_monitor;
    protocol::ReferencePointer m_reference;
    std::vector<float> m_values;
};

}  // namespace dynavg::simulation
