#include "simulation/peer/toy_learner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "protocol/base/check.hpp"
#include "protocol/monitor/drift.hpp"

namespace dynavg::simulation {

namespace {

/// In plain loops. Its sketch, of one row, is the drift itself.
class ToyDrift : public protocol::Drift {
public:
    ToyDrift(std::span<const float> values, const protocol::Reference& reference)
        : m_values(values), m_reference(reference) {}

    [[nodiscard]] std::size_t size() const override { return m_values.size(); }
    [[nodiscard]] double squared_norm() const override {
        double sum = 0;
        for (std::size_t i = 0; i < m_values.size(); ++i) sum += component(i) * component(i);
        return sum;
    }
    [[nodiscard]] NormAndAlong squared_norm_and_along() const override {
        double along = 0;
        for (std::size_t i = 0; i < m_values.size(); ++i) {
            along += component(i) * static_cast<double>(m_reference.direction.at(i));
        }
        return {squared_norm(), along};
    }
    double squared_norm_and_sketch(std::span<float> out) const override {
        return squared_norm_and_values(out);
    }
    double squared_norm_and_values(std::span<float> out) const override {
        DYNAVG_CHECK(out.size() == m_values.size());
        for (std::size_t i = 0; i < out.size(); ++i) out[i] = difference(i);
        return squared_norm();
    }

private:
    [[nodiscard]] float difference(std::size_t i) const {
        return m_values[i] - m_reference.values[i];
    }
    [[nodiscard]] double component(std::size_t i) const {
        return static_cast<double>(difference(i));
    }

    std::span<const float> m_values;
    const protocol::Reference& m_reference;
};

}  // namespace

ToyLearner::ToyLearner(std::size_t coordinate, protocol::MonitorKind monitor,
                       protocol::ReferencePointer initial)
    : m_coordinate(coordinate),
      m_monitor(monitor),
      m_reference(std::move(initial)),
      m_values(m_reference->values) {
    DYNAVG_CHECK(coordinate < m_values.size());
}

protocol::ReferenceShape ToyLearner::shape() const {
    return m_reference->shape();
}

protocol::LocalState ToyLearner::local_state() const {
    const std::size_t values = m_values.size();
    protocol::LocalState state;
    state.values.resize(
        protocol::state_values(m_monitor, {1, static_cast<std::uint32_t>(values)}, values));
    const double squared_norm =
        protocol::traits_of(m_monitor).tell(ToyDrift(m_values, *m_reference), state.values);
    state.squared_norm =
        std::nextafter(static_cast<float>(squared_norm), std::numeric_limits<float>::infinity());
    if (squared_norm <= 0) state.squared_norm = 0;
    return state;
}

void ToyLearner::copy_contribution(std::span<float> out) const {
    DYNAVG_CHECK(out.size() == m_values.size());
    std::copy(m_values.begin(), m_values.end(), out.begin());
}

void ToyLearner::install(protocol::ReferencePointer reference, std::span<const float> base) {
    for (std::size_t i = 0; i < m_values.size(); ++i) {
        m_values[i] = reference->values[i] + (m_values[i] - base[i]);
    }
    m_reference = std::move(reference);
}

void ToyLearner::set_model(std::span<const float> values) {
    DYNAVG_CHECK(values.size() == m_values.size());
    m_values.assign(values.begin(), values.end());
}

bool ToyLearner::restore(protocol::ReferencePointer reference, std::span<const float> values,
                         std::span<const std::byte> /*optimizer*/, std::uint64_t /*steps*/) {
    set_model(values);
    m_reference = std::move(reference);
    return true;
}

}  // namespace dynavg::simulation
