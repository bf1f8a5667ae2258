#include "tools/report/axis.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include <fmt/format.h>

#include "tools/report/numbers.hpp"

namespace dynavg::report {

namespace {

constexpr double kLinearIntervals = 6;
/// An error of less than one in ten million is drawn as that.
constexpr double kErrorMin = 1e-7;
/// Below this ratio of the largest to the smallest value a logarithmic scale has too few ticks.
constexpr double kLogarithmicSpreadMin = 6;
/// So many decades, and only the powers of ten have ticks.
constexpr double kDecadesWithMinor = 2.5;
constexpr int kDecadesMax = 10;
constexpr std::array kSteps{1.0, 2.0, 5.0};

/// 1, 2 or 5 times a power of ten, at least `width`.
double round_step(double width) {
    const double power = std::pow(10, std::floor(std::log10(width)));
    for (const double step : kSteps) {
        if (step * power >= width * (1 - 1e-9)) return step * power;
    }
    return 10 * power;
}

double error_of(double accuracy) {
    return std::clamp(1 - accuracy, kErrorMin, 1.0);
}

}  // namespace

Axis::Axis(Scale scale, Quantity quantity, const std::vector<double>& values)
    : m_scale(scale), m_is_of_positive(scale == Scale::logarithmic), m_quantity(quantity) {
    std::vector<double> used;
    for (const double value : values) {
        if (has_place_for(value)) used.push_back(value);
    }
    if (used.empty()) used = {scale == Scale::logarithmic ? 1.0 : 0.0, 1.0};
    const auto [least, most] = std::minmax_element(used.begin(), used.end());
    const double min = *least;
    const double max = *most;
    if (scale == Scale::logarithmic && max / min >= kLogarithmicSpreadMin) {
        make_logarithmic(min, max);
    } else if (scale == Scale::error && error_of(min) / error_of(max) >= kLogarithmicSpreadMin) {
        make_error(min, max);
    } else {
        m_scale = Scale::linear;
        make_linear(min, max);
    }
}

void Axis::add_tick(double value) {
    m_ticks.push_back({value, value_text(m_quantity, value)});
}

void Axis::make_linear(double min, double max) {
    if (max - min <= 1e-9 * std::max(std::abs(max), std::abs(min))) {
        // One value: it stands in the middle.
        const double around = max == 0 ? 1 : std::abs(max) * 0.1;
        min -= around;
        max += around;
        if (m_quantity != Quantity::number) min = std::max(min, 0.0);
    }
    double step = round_step((max - min) / kLinearIntervals);
    if (m_quantity == Quantity::count) step = std::max(step, 1.0);
    const double first = std::floor(min / step + 1e-9);
    const double last = std::ceil(max / step - 1e-9);
    for (double i = first; i <= last; ++i) add_tick(i * step);
    m_min = m_ticks.front().value;
    m_max = m_ticks.back().value;
}

void Axis::make_logarithmic(double min, double max) {
    // Ends at 1, 2 or 5 times a power of ten: no half decade is empty.
    const auto below = [](double value) {
        const double power = std::pow(10, std::floor(std::log10(value)));
        const double digit = value / power;
        return power * (digit >= 5 ? 5 : digit >= 2 ? 2 : 1);
    };
    m_min = below(min);
    m_max = round_step(max);
    const double decades = std::log10(m_max / m_min);
    const int every = std::max(1, static_cast<int>(std::ceil(decades / kDecadesMax)));
    const int first = static_cast<int>(std::floor(std::log10(m_min) + 1e-9));
    const int last = static_cast<int>(std::ceil(std::log10(m_max) - 1e-9));
    for (int power = first; power <= last; ++power) {
        for (const double step : kSteps) {
            if (step > 1 && decades > kDecadesWithMinor) break;
            if (step == 1 && (power - first) % every != 0) continue;
            const double value = step * std::pow(10, power);
            if (value >= m_min * (1 - 1e-9) && value <= m_max * (1 + 1e-9)) add_tick(value);
        }
    }
}

void Axis::make_error(double min, double max) {
    const double most = std::min(1.0, round_step(error_of(min)));
    double least = std::pow(10, std::floor(std::log10(error_of(max)) + 1e-9));
    for (const double step : {5.0, 2.0}) {
        if (least * step <= error_of(max) * (1 + 1e-9)) {
            least *= step;
            break;
        }
    }
    const double decades = std::log10(most / least);
    for (int power = 0; power >= -8; --power) {
        for (const double step : {1.0, 0.5, 0.2}) {
            const double error = step * std::pow(10, power);
            if (step < 1 && decades > kDecadesWithMinor) break;
            if (error > most * (1 + 1e-9) || error < least * (1 - 1e-9)) continue;
            add_tick(1 - error);
        }
    }
    m_min = 1 - most;
    m_max = 1 - least;
}

bool Axis::has_place_for(double value) const {
    return std::isfinite(value) && (!m_is_of_positive || value > 0);
}

double Axis::transformed(double value) const {
    switch (m_scale) {
        case Scale::linear:
            return value;
        case Scale::logarithmic:
            return std::log10(value);
        case Scale::error:
            return -std::log10(error_of(value));
    }
    return value;
}

double Axis::place_of(double value) const {
    const double from = transformed(m_min);
    const double to = transformed(m_max);
    return std::clamp((transformed(value) - from) / (to - from), 0.0, 1.0);
}

std::string value_text(Quantity quantity, double value) {
    switch (quantity) {
        case Quantity::count:
            return count_text(value);
        case Quantity::bytes:
            return bytes_text(value);
        case Quantity::share:
            return percent_text(value);
        case Quantity::number:
            break;
    }
    // A tick that is a rounding away from zero.
    return number_text(std::abs(value) < 1e-12 ? 0 : value);
}

}  // namespace dynavg::report
