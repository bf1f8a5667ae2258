#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dynavg::protocol {

/// Rows and columns of the sketch; epsilon = 1/sqrt(columns).
struct SketchShape {
    std::uint32_t rows = 5;
    std::uint32_t columns = 256;
    constexpr bool operator==(const SketchShape&) const = default;
};

/// The tiny summary S(u) of one peer's drift u = w - w_ref. float32, as the papers count it; every
/// peer computes with the floats as sent, its own too, so that all see the same H.
struct LocalState {
    float squared_norm = 0;  ///< ||u||^2.
    /// The other numbers of its monitor (monitor_kind.hpp). linear: <direction, u>; sketch: rows x
    /// columns; exact: u; cascade: <direction, u>, and in a state that is not brief the sketch.
    std::vector<float> values;
    bool operator==(const LocalState&) const = default;
};

/// All numbers finite and the squared norm not negative.
[[nodiscard]] bool is_valid(const LocalState& state, std::size_t expected_values);

/// How much a peer counts in the mean and in the variance: 1, or its samples.
struct WeightedState {
    const LocalState* state;
    double weight = 1;
};

/// In double, in the order of the values.
[[nodiscard]] double squared_norm_of(std::span<const float> values);

/// M2: the median over rows of the row's squared norm; estimates ||v||^2 from a sketch of v.
[[nodiscard]] double sketch_squared_norm(SketchShape shape, std::span<const float> sketch);

}  // namespace dynavg::protocol
