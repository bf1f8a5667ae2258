#include "protocol/reference/outer_optimizer.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::protocol {

namespace {

constexpr std::array<std::pair<OuterKind, std::string_view>, 4> kNames{{
    {OuterKind::average, "average"},
    {OuterKind::momentum, "momentum"},
    {OuterKind::nesterov, "nesterov"},
    {OuterKind::adam, "adam"},
}};

/// By squaring: std::pow may differ in its last bit from one C library to the next.
double power(double base, std::uint64_t exponent) {
    double result = 1;
    for (; exponent > 0; exponent /= 2, base *= base) {
        if (exponent % 2 == 1) result *= base;
    }
    return result;
}

/// Of a mean beyond all measure, too, a reference is made that others can pull: it stays finite.
float saturated(double value) {
    constexpr auto kMost = static_cast<double>(std::numeric_limits<float>::max());
    return static_cast<float>(std::clamp(value, -kMost, kMost));
}

void momentum_step(const OuterOptimizer& optimizer, std::span<const float> previous,
                   std::span<float> mean, std::span<float> velocity) {
    const bool nesterov = optimizer.kind == OuterKind::nesterov;
    for (std::size_t i = 0; i < mean.size(); ++i) {
        const auto before = static_cast<double>(previous[i]);
        const double drift = static_cast<double>(mean[i]) - before;
        velocity[i] = saturated(optimizer.momentum * static_cast<double>(velocity[i]) + drift);
        const auto moved = static_cast<double>(velocity[i]);
        const double step = nesterov ? drift + optimizer.momentum * moved : moved;
        mean[i] = saturated(before + optimizer.learning_rate * step);
    }
}

void adam_step(const OuterOptimizer& optimizer, std::span<const float> previous,
               std::span<float> mean, std::span<float> state, std::uint64_t steps) {
    const std::span<float> first = state.first(mean.size());
    const std::span<float> second = state.subspan(mean.size());
    const double beta1 = optimizer.momentum;
    const double beta2 = optimizer.beta2;
    const double first_start = 1 - power(beta1, steps + 1);
    const double second_start = 1 - power(beta2, steps + 1);
    for (std::size_t i = 0; i < mean.size(); ++i) {
        const auto before = static_cast<double>(previous[i]);
        const double drift = static_cast<double>(mean[i]) - before;
        first[i] = saturated(beta1 * static_cast<double>(first[i]) + (1 - beta1) * drift);
        second[i] = saturated(beta2 * static_cast<double>(second[i]) + (1 - beta2) * drift * drift);
        const double direction = static_cast<double>(first[i]) / first_start;
        const double scale = std::sqrt(static_cast<double>(second[i]) / second_start);
        mean[i] =
            saturated(before + optimizer.learning_rate * direction / (scale + optimizer.epsilon));
    }
}

}  // namespace

std::string_view name_of(OuterKind kind) {
    for (const auto& [candidate, name] : kNames) {
        if (candidate == kind) return name;
    }
    return "unknown";
}

std::optional<OuterKind> outer_from_name(std::string_view name) {
    for (const auto& [kind, candidate] : kNames) {
        if (candidate == name) return kind;
    }
    return std::nullopt;
}

bool is_valid(const OuterOptimizer& optimizer) {
    const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
    const auto decay = [](double value) { return value >= 0 && value < 1; };
    return positive(optimizer.learning_rate) && decay(optimizer.momentum) &&
           decay(optimizer.beta2) && positive(optimizer.epsilon);
}

double default_learning_rate(OuterKind kind) {
    switch (kind) {
        case OuterKind::nesterov:
            return 0.7;
        case OuterKind::adam:
            return 0.001;
        case OuterKind::average:
        case OuterKind::momentum:
            break;
    }
    return 1;
}

std::size_t outer_vectors(OuterKind kind) {
    switch (kind) {
        case OuterKind::average:
            return 0;
        case OuterKind::momentum:
        case OuterKind::nesterov:
            return 1;
        case OuterKind::adam:
            return 2;
    }
    return 0;
}

void outer_step(const OuterOptimizer& optimizer, std::span<const float> previous,
                std::span<float> mean, std::span<float> state, std::uint64_t steps) {
    DYNAVG_CHECK(previous.size() == mean.size());
    DYNAVG_CHECK(state.size() == outer_vectors(optimizer.kind) * mean.size());
    switch (optimizer.kind) {
        case OuterKind::average:
            return;
        case OuterKind::momentum:
        case OuterKind::nesterov:
            return momentum_step(optimizer, previous, mean, state);
        case OuterKind::adam:
            return adam_step(optimizer, previous, mean, state, steps);
    }
}

}  // namespace dynavg::protocol
