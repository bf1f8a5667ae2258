#include "simulation/step_ledger.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dynavg::simulation {

using protocol::Epoch;

namespace {

/// Counts are whole; means of floats are not exact.
constexpr double kTolerance = 0.25;

}  // namespace

void StepLedger::on_step() {
    ++m_low;
    ++m_high;
}

void StepLedger::on_frozen(Epoch target, double held) {
    double& most = m_frozen[target];
    most = std::max(most, held);
}

void StepLedger::on_crashed(Epoch installed, double in_references) {
    if (installed < m_known) return;
    m_known = installed;
    m_in_known = in_references;
}

void StepLedger::on_restarted(Epoch installed, double held, std::optional<double> recorded) {
    double most = std::max(held, m_in_known);
    m_settles_at = std::max(installed, m_known);
    for (const auto& [target, frozen] : m_frozen) {
        most = std::max(most, frozen);
        m_settles_at = std::max(m_settles_at, target);
    }
    m_high = std::min(m_high, most);
    m_low = recorded.value_or(m_in_known);
    m_settled = false;
}

std::optional<std::string> StepLedger::check(Epoch installed, double held) {
    std::erase_if(m_frozen, [installed](const auto& entry) { return entry.first <= installed; });
    if (held > m_high + kTolerance) {
        return fmt::format("holds {:.2f} steps, and has made or kept {:.2f}", held, m_high);
    }
    if (!m_settled && installed < m_settles_at) return std::nullopt;
    if (held < m_low - kTolerance) {
        return fmt::format("holds {:.2f} steps of the {:.2f} that it has made or kept", held,
                           m_low);
    }
    if (!m_settled) {
        m_settled = true;
        m_low = m_high = held;
    }
    return std::nullopt;
}

}  // namespace dynavg::simulation
