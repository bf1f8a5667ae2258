#include "protocol/reference/weighted_mean.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>

#include "protocol/base/check.hpp"

// The loops below are plain so that the compiler vectorizes them; -ffp-contract=off and no
// -ffast-math keep their bits the same on every machine.
namespace dynavg::protocol {

namespace {

/// The sums of one block stay in the first-level cache while the members pass by.
constexpr std::size_t kBlock = 4096;

void assign(float* out, const float* in, float factor, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) out[i] = factor * in[i];
}

void add(float* out, const float* in, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) out[i] += in[i];
}

void add_scaled(float* out, const float* in, float factor, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) out[i] += factor * in[i];
}

void divide(float* out, float divisor, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) out[i] /= divisor;
}

}  // namespace

MeanWeights mean_weights(std::span<const float> weights) {
    DYNAVG_CHECK(!weights.empty());
    MeanWeights mean{{weights.begin(), weights.end()}, 0, true};
    const float largest = *std::max_element(weights.begin(), weights.end());
    if (!(largest > 0)) std::fill(mean.factors.begin(), mean.factors.end(), 1.0F);
    const float common = largest > 0 ? largest : 1.0F;
    mean.plain = std::all_of(mean.factors.begin(), mean.factors.end(),
                             [common](float factor) { return factor == 0 || factor == common; });
    for (float& factor : mean.factors) {
        if (mean.plain && factor != 0) factor = 1;
        mean.divisor += factor;
    }
    return mean;
}

void weighted_mean(const MeanWeights& weights, std::span<const float* const> values,
                   std::span<float> out) {
    DYNAVG_CHECK(values.size() == weights.factors.size());
    for (std::size_t first = 0; first < out.size(); first += kBlock) {
        const std::size_t count = std::min(kBlock, out.size() - first);
        float* sum = out.data() + first;
        bool empty = true;
        for (std::size_t member = 0; member < values.size(); ++member) {
            const float factor = weights.factors[member];
            if (factor == 0) continue;
            const float* in = values[member] + first;
            if (empty) {
                assign(sum, in, factor, count);
            } else if (weights.plain) {
                add(sum, in, count);
            } else {
                add_scaled(sum, in, factor, count);
            }
            empty = false;
        }
        divide(sum, weights.divisor, count);
    }
}

bool all_finite(std::span<const float> values) {
    // Infinities and NaNs have all exponent bits set. Integer comparisons vectorize, early exits do
    // not.
    constexpr std::uint32_t kExponent = 0x7F800000;
    std::uint32_t bad = 0;
    for (const float value : values) {
        const auto bits = std::bit_cast<std::uint32_t>(value);
        bad |= (bits & kExponent) == kExponent ? 1U : 0U;
    }
    return bad == 0;
}

double squared_distance(std::span<const float> a, std::span<const float> b) {
    DYNAVG_CHECK(a.size() == b.size());
    constexpr std::size_t kLanes = 16;
    std::array<double, kLanes> lanes{};
    const std::size_t whole = a.size() / kLanes * kLanes;
    for (std::size_t i = 0; i < whole; i += kLanes) {
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
            const double difference =
                static_cast<double>(a[i + lane]) - static_cast<double>(b[i + lane]);
            lanes[lane] += difference * difference;
        }
    }
    double sum = 0;
    for (const double lane : lanes) sum += lane;
    for (std::size_t i = whole; i < a.size(); ++i) {
        const double difference = static_cast<double>(a[i]) - static_cast<double>(b[i]);
        sum += difference * difference;
    }
    return sum;
}

}  // namespace dynavg::protocol
