#include "simulation/peer/step_ledger.hpp"

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
    Frozen& most = m_frozen[target];
    if (held > most.held) most = {held, false};
}

void StepLedger::on_crashed(Epoch installed, double in_references) {
    if (installed < m_known) return;
    m_known = installed;
    m_in_known = in_references;
}

void StepLedger::on_dropped(Epoch installed, double held) {
    begin_anew(installed, held);
    m_low = held;
    m_dropped = m_dropped_once = true;
}

void StepLedger::on_given_again(Epoch target, double held, double steps) {
    if (!m_dropped) return on_frozen(target, held);
    // The steps of this life since the drop come on top, as after a restart.
    Frozen& most = m_frozen[target];
    most = {std::max(held, most.held), true};
    m_high += steps;
    m_settled = false;
    m_settles_at = std::max(m_settles_at, target);
}

void StepLedger::on_restarted(Epoch installed, double held, std::optional<double> recorded) {
    // A record from before a drop brings back what was dropped.
    if (recorded && m_dropped_once) m_high = std::max(m_high, *recorded);
    begin_anew(installed, held);
    m_low = recorded.value_or(m_in_known);
    m_dropped = false;
}

/// With a drift that is not the one of before. The part that was frozen of that one, and may enter
/// a reference yet, comes on top.
void StepLedger::begin_anew(Epoch installed, double held) {
    double most = std::max(held, m_in_known);
    m_settles_at = std::max(installed, m_known);
    for (auto& [target, frozen] : m_frozen) {
        // The steps that this life has made, and kept, come on top of those that a former one gave.
        if (frozen.by_former_life) frozen.held += std::max(0.0, held - m_begun_with);
        frozen.by_former_life = true;
        most = std::max(most, frozen.held);
        m_settles_at = std::max(m_settles_at, target);
    }
    m_begun_with = held;
    m_high = std::min(m_high, most);
    m_settled = false;
}

std::optional<std::string> StepLedger::check(Epoch installed, double held, double in_references) {
    std::erase_if(m_frozen, [installed](const auto& entry) { return entry.first <= installed; });
    if (held > m_high + kTolerance) {
        return fmt::format("holds {:.2f} steps, and has made or kept {:.2f}", held, m_high);
    }
    if (held < in_references - kTolerance) {
        return fmt::format("holds {:.2f} steps, fewer than the {:.2f} that are in the references",
                           held, in_references);
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
