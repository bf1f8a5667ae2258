#include "protocol/monitor/local_state.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::protocol {

namespace {

constexpr std::array<std::pair<MonitorKind, std::string_view>, 9> kNames{{
    {MonitorKind::norm, "norm"},
    {MonitorKind::linear, "linear"},
    {MonitorKind::sketch, "sketch"},
    {MonitorKind::exact, "exact"},
    {MonitorKind::every_step, "every-step"},
    {MonitorKind::local, "local"},
    {MonitorKind::local_balanced, "local-balanced"},
    {MonitorKind::interval, "interval"},
    {MonitorKind::cascade, "cascade"},
}};

double mean_squared_norm(std::span<const WeightedState> states, double weights) {
    double sum = 0;
    for (const auto& [state, weight] : states) {
        sum += weight * static_cast<double>(state->squared_norm);
    }
    return sum / weights;
}

double largest_squared_norm(std::span<const WeightedState> states) {
    float largest = 0;
    for (const auto& [state, weight] : states) largest = std::max(largest, state->squared_norm);
    return static_cast<double>(largest);
}

/// Elementwise mean of the values from `first` on, in the order of `states`; absent peers count as
/// zero.
std::vector<float> mean_values(std::span<const WeightedState> states, double weights,
                               std::size_t first = 0) {
    std::vector<double> sum(states.empty() ? 0 : states.front().state->values.size() - first, 0.0);
    for (const auto& [state, weight] : states) {
        DYNAVG_CHECK(state->values.size() == first + sum.size());
        for (std::size_t i = 0; i < sum.size(); ++i) {
            sum[i] += weight * static_cast<double>(state->values[first + i]);
        }
    }
    std::vector<float> mean(sum.size());
    for (std::size_t i = 0; i < sum.size(); ++i) mean[i] = static_cast<float>(sum[i] / weights);
    return mean;
}

double squared_norm_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return sum;
}

double linear_bound(std::span<const WeightedState> states, double weights) {
    double along = 0;
    for (const auto& [state, weight] : states) {
        along += weight * static_cast<double>(state->values.at(0));
    }
    along /= weights;
    return mean_squared_norm(states, weights) - along * along;
}

/// Of states whose sketch begins at `first`.
double sketch_bound(SketchShape shape, std::span<const WeightedState> states, double weights,
                    std::size_t first = 0) {
    if (states.empty()) return 0;
    const double epsilon = 1.0 / std::sqrt(static_cast<double>(shape.columns));
    const double estimate = sketch_squared_norm(shape, mean_values(states, weights, first));
    return mean_squared_norm(states, weights) - estimate / (1.0 + epsilon);
}

double cascade_bound(SketchShape shape, std::span<const WeightedState> states, double weights) {
    const double linear = linear_bound(states, weights);
    const bool any_is_brief = std::any_of(states.begin(), states.end(), [](const auto& peer) {
        return is_brief(MonitorKind::cascade, *peer.state);
    });
    return any_is_brief ? linear : std::min(linear, sketch_bound(shape, states, weights, 1));
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

bool needs_states(MonitorKind kind) {
    return kind != MonitorKind::every_step && kind != MonitorKind::interval && !is_local(kind);
}

bool is_local(MonitorKind kind) {
    return kind == MonitorKind::local || kind == MonitorKind::local_balanced;
}

std::size_t state_values(MonitorKind kind, SketchShape shape, std::size_t parameters) {
    switch (kind) {
        case MonitorKind::norm:
        case MonitorKind::every_step:
        case MonitorKind::local:
        case MonitorKind::local_balanced:
        case MonitorKind::interval:
            return 0;
        case MonitorKind::linear:
            return 1;
        case MonitorKind::sketch:
            return std::size_t{shape.rows} * shape.columns;
        case MonitorKind::cascade:
            return 1 + std::size_t{shape.rows} * shape.columns;
        case MonitorKind::exact:
            return parameters;
    }
    return 0;
}

bool has_direction(MonitorKind kind) {
    return kind == MonitorKind::linear || kind == MonitorKind::cascade;
}

LocalState brief(MonitorKind kind, const LocalState& state) {
    if (kind != MonitorKind::cascade) return state;
    return {state.squared_norm, {state.values.at(0)}};
}

bool is_brief(MonitorKind kind, const LocalState& state) {
    return kind == MonitorKind::cascade && state.values.size() == 1;
}

bool is_valid(const LocalState& state, std::size_t expected_values) {
    return state.values.size() == expected_values && std::isfinite(state.squared_norm) &&
           state.squared_norm >= 0 &&
           std::all_of(state.values.begin(), state.values.end(),
                       [](float value) { return std::isfinite(value); });
}

double variance_bound(MonitorKind kind, SketchShape shape, std::span<const WeightedState> states,
                      double weights) {
    DYNAVG_CHECK(weights > 0);
    switch (kind) {
        case MonitorKind::norm:
            return mean_squared_norm(states, weights);
        case MonitorKind::linear:
            return linear_bound(states, weights);
        case MonitorKind::sketch:
            return sketch_bound(shape, states, weights);
        case MonitorKind::cascade:
            return cascade_bound(shape, states, weights);
        case MonitorKind::exact:
            return mean_squared_norm(states, weights) -
                   squared_norm_of(mean_values(states, weights));
        case MonitorKind::local:
        case MonitorKind::local_balanced:
            return largest_squared_norm(states);
        case MonitorKind::every_step:
        case MonitorKind::interval:
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
