#include "simulation/peer/toy_learner.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

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
    double squared_norm = 0;
    double along = 0;
    using protocol::MonitorKind;
    const bool whole = m_monitor == MonitorKind::exact || m_monitor == MonitorKind::sketch ||
                       m_monitor == MonitorKind::cascade;
    protocol::LocalState state;
    if (has_direction(m_monitor)) state.values.push_back(0);
    for (std::size_t i = 0; i < m_values.size(); ++i) {
        const float difference = m_values[i] - m_reference->values[i];
        if (whole) state.values.push_back(difference);
        const auto component = static_cast<double>(difference);
        squared_norm += component * component;
        if (!m_reference->direction.empty()) {
            along += component * static_cast<double>(m_reference->direction[i]);
        }
    }
    state.squared_norm =
        std::nextafter(static_cast<float>(squared_norm), std::numeric_limits<float>::infinity());
    if (squared_norm <= 0) state.squared_norm = 0;
    if (has_direction(m_monitor)) state.values.front() = static_cast<float>(along);
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
