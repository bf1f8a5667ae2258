#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/base/expected.hpp"

namespace dynavg::training {

enum class OptimizerKind : std::uint8_t { sgd, adam, adamw };

/// Defaults are those of Keras.
struct OptimizerOptions {
    OptimizerKind kind = OptimizerKind::adam;
    double learning_rate = 0.001;
    double momentum = 0;      ///< sgd.
    bool nesterov = false;    ///< sgd.
    double weight_decay = 0;  ///< adamw: decoupled. sgd: added to the gradient. adam: must be 0.
    double beta1 = 0.9;
    double beta2 = 0.999;
    double epsilon = 1e-7;
};

/// Whether every number makes sense; the Error names the key.
[[nodiscard]] Expected<void, Error> validate(const OptimizerOptions& options);

/// The local update rule over flat arrays, one fused pass; same bits on every x86-64 machine.
///
/// adam:  m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
///        w -= lr sqrt(1 - b2^t) / (1 - b1^t) * m / (sqrt(v) + eps)   (Keras' form).
/// adamw: the same and w -= lr * weight_decay * w, with w from before the step.
/// sgd:   v = momentum v - lr g, w += v; nesterov: w += momentum v - lr g.
class Optimizer {
public:
    /// `options` were validated.
    Optimizer(const OptimizerOptions& options, std::size_t parameters);

    /// Of all parameters, or of those from the `first` on: the two spans begin there.
    void update(std::span<float> parameters, std::span<const float> gradient,
                std::size_t first = 0);
    /// Moments and step count as bytes; restore_state() of an optimizer of the same kind and size
    /// goes on from them, and refuses all others: false, and nothing has changed.
    [[nodiscard]] std::vector<std::byte> state() const;
    [[nodiscard]] bool restore_state(std::span<const std::byte> state);
    /// Forgets moments and the step count.
    void reset();

private:
    OptimizerOptions m_options;
    std::vector<float> m_mean;      ///< Adam's m, or the momentum's velocity.
    std::vector<float> m_variance;  ///< Adam's v.
    double m_beta1_power = 1;
    double m_beta2_power = 1;
};

}  // namespace dynavg::training
