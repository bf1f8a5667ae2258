#include "protocol/monitor/monitor_kind.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "protocol/base/check.hpp"
#include "protocol/monitor/drift.hpp"

namespace dynavg::protocol {

namespace {

// --- how many values a state has ----------------------------------------------------------------

std::size_t no_values(SketchShape /*shape*/, std::size_t /*parameters*/) {
    return 0;
}

std::size_t one_value(SketchShape /*shape*/, std::size_t /*parameters*/) {
    return 1;
}

std::size_t sketch_values(SketchShape shape, std::size_t /*parameters*/) {
    return std::size_t{shape.rows} * shape.columns;
}

std::size_t cascade_values(SketchShape shape, std::size_t parameters) {
    return 1 + sketch_values(shape, parameters);
}

std::size_t model_values(SketchShape /*shape*/, std::size_t parameters) {
    return parameters;
}

// --- what is told -------------------------------------------------------------------------------

double tell_norm(const Drift& drift, std::span<float> /*values*/) {
    return drift.squared_norm();
}

double tell_linear(const Drift& drift, std::span<float> values) {
    const Drift::NormAndAlong sums = drift.squared_norm_and_along();
    values.front() = static_cast<float>(sums.along);
    return sums.squared_norm;
}

double tell_sketch(const Drift& drift, std::span<float> values) {
    return drift.squared_norm_and_sketch(values);
}

double tell_cascade(const Drift& drift, std::span<float> values) {
    tell_linear(drift, values);
    return tell_sketch(drift, values.subspan(1));
}

double tell_exact(const Drift& drift, std::span<float> values) {
    return drift.squared_norm_and_values(values);
}

// --- what it says of the variance ---------------------------------------------------------------

double mean_squared_norm(std::span<const WeightedState> states, double weights) {
    double sum = 0;
    for (const auto& [state, weight] : states) {
        sum += weight * static_cast<double>(state->squared_norm);
    }
    return sum / weights;
}

double largest_squared_norm(SketchShape /*shape*/, std::span<const WeightedState> states,
                            double /*weights*/) {
    float largest = 0;
    for (const auto& [state, weight] : states) largest = std::max(largest, state->squared_norm);
    return static_cast<double>(largest);
}

/// Elementwise mean of the values from `first` on, in the order of `states`; absent peers count as
/// zero.
std::vector<float> mean_values(std::span<const WeightedState> states, double weights,
                               std::size_t first) {
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

double norm_bound(SketchShape /*shape*/, std::span<const WeightedState> states, double weights) {
    return mean_squared_norm(states, weights);
}

double linear_bound(SketchShape /*shape*/, std::span<const WeightedState> states, double weights) {
    double along = 0;
    for (const auto& [state, weight] : states) {
        along += weight * static_cast<double>(state->values.at(0));
    }
    along /= weights;
    return mean_squared_norm(states, weights) - along * along;
}

double bound_of_sketches(SketchShape shape, std::span<const WeightedState> states, double weights,
                         std::size_t first) {
    if (states.empty()) return 0;
    const double epsilon = 1.0 / std::sqrt(static_cast<double>(shape.columns));
    const double estimate = sketch_squared_norm(shape, mean_values(states, weights, first));
    return mean_squared_norm(states, weights) - estimate / (1.0 + epsilon);
}

double sketch_bound(SketchShape shape, std::span<const WeightedState> states, double weights) {
    return bound_of_sketches(shape, states, weights, 0);
}

double cascade_bound(SketchShape shape, std::span<const WeightedState> states, double weights) {
    const double linear = linear_bound(shape, states, weights);
    const bool any_is_brief = std::any_of(states.begin(), states.end(), [](const auto& peer) {
        return is_brief(MonitorKind::cascade, *peer.state);
    });
    return any_is_brief ? linear : std::min(linear, bound_of_sketches(shape, states, weights, 1));
}

double exact_bound(SketchShape /*shape*/, std::span<const WeightedState> states, double weights) {
    return mean_squared_norm(states, weights) - squared_norm_of(mean_values(states, weights, 0));
}

double no_bound(SketchShape /*shape*/, std::span<const WeightedState> /*states*/,
                double /*weights*/) {
    return std::numeric_limits<double>::infinity();
}

// --- the table ----------------------------------------------------------------------------------

constexpr std::array kMonitors{
    MonitorTraits{.kind = MonitorKind::norm,
                  .name = "norm",
                  .values = no_values,
                  .tell = tell_norm,
                  .bound = norm_bound},
    MonitorTraits{.kind = MonitorKind::linear,
                  .name = "linear",
                  .has_direction = true,
                  .values = one_value,
                  .tell = tell_linear,
                  .bound = linear_bound},
    MonitorTraits{.kind = MonitorKind::sketch,
                  .name = "sketch",
                  .has_sketch = true,
                  .values = sketch_values,
                  .tell = tell_sketch,
                  .bound = sketch_bound},
    MonitorTraits{.kind = MonitorKind::cascade,
                  .name = "cascade",
                  .has_direction = true,
                  .has_sketch = true,
                  .brief_values = 1,
                  .values = cascade_values,
                  .tell = tell_cascade,
                  .bound = cascade_bound},
    MonitorTraits{.kind = MonitorKind::exact,
                  .name = "exact",
                  .is_model_sized = true,
                  .values = model_values,
                  .tell = tell_exact,
                  .bound = exact_bound},
    MonitorTraits{.kind = MonitorKind::local,
                  .name = "local",
                  .trigger = Trigger::own_drift,
                  .values = no_values,
                  .tell = tell_norm,
                  .bound = largest_squared_norm},
    MonitorTraits{.kind = MonitorKind::local_balanced,
                  .name = "local-balanced",
                  .trigger = Trigger::own_drift,
                  .balances = true,
                  .values = no_values,
                  .tell = tell_norm,
                  .bound = largest_squared_norm},
    MonitorTraits{.kind = MonitorKind::every_step,
                  .name = "every-step",
                  .trigger = Trigger::every_step,
                  .values = no_values,
                  .tell = tell_norm,
                  .bound = no_bound},
    MonitorTraits{.kind = MonitorKind::interval,
                  .name = "interval",
                  .trigger = Trigger::interval,
                  .values = no_values,
                  .tell = tell_norm,
                  .bound = no_bound},
};

}  // namespace

std::span<const MonitorTraits> all_monitors() {
    return kMonitors;
}

const MonitorTraits& traits_of(MonitorKind kind) {
    const auto found = std::find_if(kMonitors.begin(), kMonitors.end(),
                                    [kind](const auto& traits) { return traits.kind == kind; });
    DYNAVG_CHECK(found != kMonitors.end());
    return *found;
}

std::string_view name_of(MonitorKind kind) {
    return traits_of(kind).name;
}

std::optional<MonitorKind> monitor_from_name(std::string_view name) {
    for (const MonitorTraits& traits : kMonitors) {
        if (traits.name == name) return traits.kind;
    }
    return std::nullopt;
}

bool needs_states(MonitorKind kind) {
    return traits_of(kind).trigger == Trigger::bound;
}

bool has_condition(MonitorKind kind) {
    const Trigger trigger = traits_of(kind).trigger;
    return trigger == Trigger::bound || trigger == Trigger::own_drift;
}

std::size_t state_values(MonitorKind kind, SketchShape shape, std::size_t parameters) {
    return traits_of(kind).values(shape, parameters);
}

bool has_direction(MonitorKind kind) {
    return traits_of(kind).has_direction;
}

LocalState brief(MonitorKind kind, const LocalState& state) {
    const auto kept = traits_of(kind).brief_values;
    if (!kept) return state;
    DYNAVG_CHECK(state.values.size() >= *kept);
    const auto first = std::span(state.values).first(*kept);
    return {state.squared_norm, {first.begin(), first.end()}};
}

bool is_brief(MonitorKind kind, const LocalState& state) {
    return traits_of(kind).brief_values == state.values.size();
}

double variance_bound(MonitorKind kind, SketchShape shape, std::span<const WeightedState> states,
                      double weights) {
    DYNAVG_CHECK(weights > 0);
    return traits_of(kind).bound(shape, states, weights);
}

}  // namespace dynavg::protocol
