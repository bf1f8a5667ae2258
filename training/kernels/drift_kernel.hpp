#pragma once

#include <span>

#include "training/kernels/lane_kernels.hpp"

namespace dynavg::training {

/// ||w - reference||^2 in double, relative error at most 1e-6. One pass, about the time that
/// reading both arrays takes.
[[nodiscard]] double drift_squared_norm(std::span<const float> w, std::span<const float> reference);

/// The same and <direction, w - reference>, in one pass over three arrays.
[[nodiscard]] DriftSums drift_norm_and_dot(std::span<const float> w,
                                           std::span<const float> reference,
                                           std::span<const float> direction);

/// The smallest float that is not below `value`: a bound stays a bound.
[[nodiscard]] float rounded_up(double value);

}  // namespace dynavg::training
