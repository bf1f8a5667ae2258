#include "protocol/reference/threshold_rule.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

namespace {

constexpr double kFactorMax = 16;
/// Below it nothing is left to learn; a threshold must stay above zero.
constexpr double kThresholdMin = 1e-30;
constexpr double kOverdue = 2;
constexpr double kNoTarget = std::numeric_limits<double>::infinity();

constexpr std::array<std::pair<ThresholdKind, std::string_view>, 3> kNames{{
    {ThresholdKind::fixed, "fixed"},
    {ThresholdKind::interval, "interval"},
    {ThresholdKind::bytes, "bytes"},
}};

}  // namespace

std::string_view name_of(ThresholdKind kind) {
    for (const auto& [candidate, name] : kNames) {
        if (candidate == kind) return name;
    }
    return "unknown";
}

std::optional<ThresholdKind> threshold_kind_from_name(std::string_view name) {
    for (const auto& [kind, candidate] : kNames) {
        if (candidate == name) return kind;
    }
    return std::nullopt;
}

bool is_valid(const ThresholdRule& rule) {
    return rule.kind == ThresholdKind::fixed || (std::isfinite(rule.target) && rule.target > 0);
}

double target_steps(const ThresholdRule& rule, std::size_t peers, std::size_t values) {
    switch (rule.kind) {
        case ThresholdKind::fixed:
            return kNoTarget;
        case ThresholdKind::interval:
            return std::max(1.0, rule.target);
        case ThresholdKind::bytes: {
            const auto count = static_cast<double>(std::max<std::size_t>(peers, 1));
            const double model = static_cast<double>(sizeof(float)) * static_cast<double>(values);
            return std::max(1.0, 2 * (count - 1) / count * model / rule.target);
        }
    }
    return kNoTarget;
}

double overdue_steps(const ThresholdRule& rule, std::size_t peers, std::size_t values) {
    return kOverdue * target_steps(rule, peers, values);
}

double next_threshold(const ThresholdRule& rule, double current,
                      std::span<const ContributionFacts> facts, double squared_move,
                      std::size_t values) {
    if (rule.kind == ThresholdKind::fixed) return current;
    double weights = 0;
    double squared_norm = 0;
    double steps = 0;
    for (const ContributionFacts& peer : facts) {
        const auto weight = static_cast<double>(peer.weight);
        weights += weight;
        squared_norm += weight * static_cast<double>(peer.squared_norm);
        steps += weight * static_cast<double>(peer.steps);
    }
    const double variance = squared_norm / weights - squared_move;
    const double passed = steps / weights;
    const double next = variance * target_steps(rule, facts.size(), values) / passed;
    if (!(variance > 0) || !(passed > 0) || !std::isfinite(next)) return current;
    return std::max(std::clamp(next, current / kFactorMax, current * kFactorMax), kThresholdMin);
}

}  // namespace dynavg::protocol
