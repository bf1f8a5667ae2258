#pragma once

#include <cmath>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "protocol/reference/learner.hpp"

namespace dynavg::daemon {

/// Each update adds one to every parameter, so that the drift tells how many steps are in it.
class FakeLearner : public protocol::Learner {
public:
    explicit FakeLearner(protocol::ReferencePointer reference)
        : m_reference(std::move(reference)), m_values(m_reference->values) {}

    [[nodiscard]] protocol::ReferenceShape shape() const override { return m_reference->shape(); }
    double compute_gradient() override {
        if (on_compute) on_compute();
        return 0.5;
    }
    void apply_update() override {
        for (float& value : m_values) value += update;
    }
    [[nodiscard]] protocol::LocalState local_state() const override {
        float sum = 0;
        for (std::size_t i = 0; i < m_values.size(); ++i) {
            const float drift = m_values[i] - m_reference->values[i];
            sum += drift * drift;
        }
        return {sum, {}};
    }
    void copy_contribution(std::span<float> out) const override {
        std::copy(m_values.begin(), m_values.end(), out.begin());
    }
    void install(protocol::ReferencePointer reference, std::span<const float> base) override {
        for (std::size_t i = 0; i < m_values.size(); ++i) {
            m_values[i] = reference->values[i] + (m_values[i] - base[i]);
        }
        m_reference = std::move(reference);
    }
    void set_model(std::span<const float> values) override {
        m_values.assign(values.begin(), values.end());
    }
    bool restore(protocol::ReferencePointer reference, std::span<const float> values,
                 std::span<const std::byte> /*optimizer*/, std::uint64_t /*steps*/) override {
        set_model(values);
        m_reference = std::move(reference);
        return true;
    }
    [[nodiscard]] std::vector<std::byte> optimizer_state() const override { return {}; }
    void reset_to_reference() override { m_values = m_reference->values; }

    std::function<void()> on_compute;  ///< On the trainer thread, without a lock.
    float update = 1;                  ///< Set in on_compute or before the start.
    [[nodiscard]] float value() const { return m_values[0]; }

private:
    protocol::ReferencePointer m_reference;
    std::vector<float> m_values;
};

}  // namespace dynavg::daemon
