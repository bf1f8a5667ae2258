#include "training/kernels/drift_kernel.hpp"

#include <cmath>
#include <limits>

#include "protocol/base/check.hpp"

namespace dynavg::training {

double drift_squared_norm(std::span<const float> w, std::span<const float> reference) {
    DYNAVG_CHECK(w.size() == reference.size());
    return lane_kernels().squared_norm(w.data(), reference.data(), w.size());
}

DriftSums drift_norm_and_dot(std::span<const float> w, std::span<const float> reference,
                             std::span<const float> direction) {
    DYNAVG_CHECK(w.size() == reference.size() && w.size() == direction.size());
    return lane_kernels().norm_and_dot(w.data(), reference.data(), direction.data(), w.size());
}

float rounded_up(double value) {
    const auto nearest = static_cast<float>(value);
    if (static_cast<double>(nearest) >= value || std::isnan(value)) return nearest;
    return std::nextafter(nearest, std::numeric_limits<float>::infinity());
}

}  // namespace dynavg::training
