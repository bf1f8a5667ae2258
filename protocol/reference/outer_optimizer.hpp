#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace dynavg::protocol {

/// The rule that makes the next reference of the mean model (Reddi et al. 2021, Adaptive Federated
/// Optimization: the server optimizer; here every peer computes it alike).
enum class OuterKind : std::uint8_t {
    average,   ///< The mean itself: FedAvg, FDA.
    momentum,  ///< Heavy ball on the mean drift: FedAvgM (Hsu et al. 2019).
    nesterov,  ///< Nesterov's form of it: DiLoCo (Douillard et al. 2023).
    adam,      ///< Adam on the mean drift: FedAdam (Reddi et al.), FDA-Opt.
};

[[nodiscard]] std::string_view name_of(OuterKind kind);
[[nodiscard]] std::optional<OuterKind> outer_from_name(std::string_view name);

struct OuterOptimizer {
    OuterKind kind = OuterKind::average;
    double learning_rate = 1;  ///< All but average.
    double momentum = 0.9;     ///< momentum, nesterov; adam's beta1.
    double beta2 = 0.999;      ///< adam.
    double epsilon = 1e-7;     ///< adam.
    bool operator==(const OuterOptimizer&) const = default;
};

/// Rates finite and above 0, momenta in [0, 1).
[[nodiscard]] bool is_valid(const OuterOptimizer& optimizer);

/// The rate that a kind has unless told: 1, DiLoCo's 0.7, FedAdam's 0.001.
[[nodiscard]] double default_learning_rate(OuterKind kind);

/// How many vectors as long as the parameters its state has: 0, 1 (velocity), or 2 (both moments).
[[nodiscard]] std::size_t outer_vectors(OuterKind kind);

/// One outer step with the mean drift d = mean - previous as the negative gradient. `mean` becomes
/// the next parameters; `state` has outer_vectors() x mean.size() floats and is zero at first;
/// `steps` were done before. Each operation in double and in a fixed order, results rounded to
/// float32: every peer makes the same bits. One pass.
/// momentum: v = m v + d, w += rate v. nesterov: v = m v + d, w += rate (d + m v). adam: with both
/// moments corrected for their start, w += rate m1 / (sqrt(m2) + epsilon).
void outer_step(const OuterOptimizer& optimizer, std::span<const float> previous,
                std::span<float> mean, std::span<float> state, std::uint64_t steps);

}  // namespace dynavg::protocol
