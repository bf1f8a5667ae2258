#pragma once

#include <cstddef>
#include <span>
#include <vector>

namespace dynavg::protocol {

/// The factors of the members' values, and the divisor of the sum.
struct MeanWeights {
    std::vector<float> factors;  ///< Per member; 0: it is skipped.
    float divisor = 1;
    /// No factor but 0 and 1: the plain sum of those with 1.
    bool plain = true;
};

/// Members without weight are skipped; if none has weight, all count alike. Equal weights give
/// exactly the plain mean. The divisor is the sum in order, and may overflow to infinity.
[[nodiscard]] MeanWeights mean_weights(std::span<const float> weights);

/// out[i] = (sum over members in order of factor * values[member][i]) / divisor, each operation
/// rounded to float32, so the bits depend on nothing else. Each of `values` has out.size() floats.
/// Memory-bound: it reads every member's values once.
void weighted_mean(const MeanWeights& weights, std::span<const float* const> values,
                   std::span<float> out);

[[nodiscard]] bool all_finite(std::span<const float> values);

/// ||a - b||^2 in double; sizes are equal.
[[nodiscard]] double squared_distance(std::span<const float> a, std::span<const float> b);

}  // namespace dynavg::protocol
