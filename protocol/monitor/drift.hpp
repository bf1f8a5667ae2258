#pragma once

#include <cstddef>
#include <span>

namespace dynavg::protocol {

/// The drift u = w - reference of one learner, as a monitor looks at it. A learner computes each of
/// these in as few passes over the model as it can; `out` has the size that it needs.
class Drift {
public:
    struct NormAndAlong {
        double squared_norm = 0;  ///< ||u||^2.
        double along = 0;         ///< <direction, u>, with the direction of the reference.
    };

    virtual ~Drift() = default;
    /// Of u: the model's parameters.
    [[nodiscard]] virtual std::size_t size() const = 0;
    /// This and the next three give ||u||^2.
    [[nodiscard]] virtual double squared_norm() const = 0;
    [[nodiscard]] virtual NormAndAlong squared_norm_and_along() const = 0;
    /// And writes the sketch of u in the network's shape: rows x columns.
    virtual double squared_norm_and_sketch(std::span<float> out) const = 0;
    /// And writes u itself: size().
    virtual double squared_norm_and_values(std::span<float> out) const = 0;
};

}  // namespace dynavg::protocol
