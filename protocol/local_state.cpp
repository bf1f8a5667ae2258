#include "protocol/local_state.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "protocol/check.hpp"

namespace dynavg::protocol {

namespace {

constexpr std::array<std::pair<MonitorKind, std::string_view>, 5> kNames{{
    {MonitorKind::norm, "norm"},
    {MonitorKind::linear, "linear"},
    {MonitorKind::sketch, "sketch"},
    {MonitorKind::exact, "exact"},
    {MonitorKind::every_step, "every-step"},
}};

double mean_squared_norm(std::span<const LocalState* const> states, std::size_t peers) {
    double sum = 0;
    for (const LocalState* state : states) sum += static_cast<double>(state->squared_norm);
    return sum / static_cast<double>(peers);
}

/// Elementwise mean in the order of `states`; absent peers count as zero.
std::vector<float> mean_values(std::span<const LocalState* const> states, std::size_t peers) {
    std::vector<double> sum(states.empty() ? 0 : states.front()->values.size(), 0.0);
    for (const LocalState* state : states) {
        DYNAVG_CHECK(state->values.size() == sum.size());
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += static_cast<double>(state->values[i]);
        }
    }
    std::vector<float> mean(sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) {
        mean[i] = static_cast<float>(sum[i] / static_cast<double>(peers));
    }
    return mean;
}

double squared_norm_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return sum;
}

double linear_bound(std::span<const LocalState* const> states, std::size_t peers) {
    double along = 0;
    for (const LocalState* state : states) along += static_cast<double>(state->values.at(0));
    along /= static_cast<double>(peers);
    return mean_squared_norm(states, peers) - along * along;
}

double sketch_bound(SketchShape shape, std::span<const LocalState* const> states,
                    std::size_t peers) {
    if (states.empty()) return 0;
    const double epsilon = 1.0 / std::sqrt(static_cast<double>(shape.columns));
    const double estimate = sketch_squared_norm(shape, mean_values(states, peers));
    return mean_squared_norm(states, peers) - estimate / (1.0 + epsilon);
}

}  // namespace

std::string_view name_of(MonitorKind kind) {
    for (const auto& [candidate, name] : kNames) {
        if (candidate == kind) return name;
    }
    return "unknown";
}

std::optional<MonitorKind> monitor_from_name(std::string_view name) {
    for (const auto& [kind, candidate] : kNames) {
        if (candidate == name) return kind;
    }
    return std::nullopt;
}

std::size_t state_values(MonitorKind kind, SketchShape shape, std::size_t parameters) {
    switch (kind) {
        case MonitorKind::norm:
        case MonitorKind::every_step:
            return 0;
        case MonitorKind::linear:
            return 1;
        case MonitorKind::sketch:
            return std::size_t{shape.rows} * shape.columns;
        case MonitorKind::exact:
            return parameters;
    }
    return 0;
}

bool is_valid(const LocalState& state, std::size_t expected_values) {
    return state.values.size() == expected_values && std::isfinite(state.squared_norm) &&
           state.squared_norm >= 0 &&
           std::all_of(state.values.begin(), state.values.end(),
                       [](float value) { return std::isfinite(value); });
}

double variance_bound(MonitorKind kind, SketchShape shape,
                      std::span<const LocalState* const> states, std::size_t peers) {
    DYNAVG_CHECK(peers > 0 && peers >= states.size());
    switch (kind) {
        case MonitorKind::norm:
            return mean_squared_norm(states, peers);
        case MonitorKind::linear:
            return linear_bound(states, peers);
        case MonitorKind::sketch:
            return sketch_bound(shape, states, peers);
        case MonitorKind::exact:
            return mean_squared_norm(states, peers) - squared_norm_of(mean_values(states, peers));
        case MonitorKind::every_step:
            return std::numeric_limits<double>::infinity();
    }
    return 0;
}

double sketch_squared_norm(SketchShape shape, std::span<const float> sketch) {
    DYNAVG_CHECK(shape.rows > 0 && sketch.size() == std::size_t{shape.rows} * shape.columns);
    std::vector<double> rows(shape.rows);
    for (std::size_t row = 0; row < rows.size(); ++row) {
        rows[row] = squared_norm_of(sketch.subspan(row * shape.columns, shape.columns));
    }
    std::sort(rows.begin(), rows.end());
    const std::size_t middle = rows.size() / 2;
    return rows.size() % 2 == 1 ? rows[middle] : (rows[middle - 1] + rows[middle]) / 2;
}

}  // namespace dynavg::protocol
