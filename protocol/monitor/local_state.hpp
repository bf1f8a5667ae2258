#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "protocol/base/expected.hpp"

namespace dynavg::protocol {

/// What is told of a drift u, and so how H is computed from the mean of what all tell.
enum class MonitorKind : std::uint8_t {
    norm = 1,        ///< ||u||^2; FDA's naive bound.
    linear = 2,      ///< ||u||^2, <direction, u>; FDA Theorem 3.2.
    sketch = 3,      ///< ||u||^2, AMS sketch of u; FDA Theorem 3.1.
    exact = 4,       ///< ||u||^2, u itself; for tests and comparison.
    every_step = 5,  ///< No condition: every step opens a round (synchronous training).
    local = 6,       ///< Kamp et al. 2018, section 3: each peer's own ||u||^2; nothing is told.
    interval = 7,    ///< No condition: a round after so many steps (Local-SGD, FedAvg).
    cascade = 8,     ///< The lower of linear and sketch; sketches only while linear is too high.
    local_balanced = 9,  ///< As local; before a round, some models are averaged (balancing.hpp).
};

[[nodiscard]] std::string_view name_of(MonitorKind kind);
[[nodiscard]] std::optional<MonitorKind> monitor_from_name(std::string_view name);

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
    /// linear: <direction, u>; sketch: rows x columns; exact: u; cascade: <direction, u>, and in a
    /// state that is not brief the sketch.
    std::vector<float> values;
    bool operator==(const LocalState&) const = default;
};

/// Whether H is made of what others tell. If not, a state only says that its step is done, which
/// lockstep waits for; in free pace none is sent.
[[nodiscard]] bool needs_states(MonitorKind kind);

/// Whether each drift is held against the threshold by itself: Kamp's local condition.
[[nodiscard]] bool is_local(MonitorKind kind);

/// Number of `values` that a monitor's state has for a model of `parameters`.
[[nodiscard]] std::size_t state_values(MonitorKind kind, SketchShape shape, std::size_t parameters);

/// Whether the linear bound is needed: its direction is part of every reference then.
[[nodiscard]] bool has_direction(MonitorKind kind);

/// cascade: the state without its sketch, as it is told at every step. Others have one form only.
[[nodiscard]] LocalState brief(MonitorKind kind, const LocalState& state);
[[nodiscard]] bool is_brief(MonitorKind kind, const LocalState& state);

/// All numbers finite and the squared norm not negative.
[[nodiscard]] bool is_valid(const LocalState& state, std::size_t expected_values);

/// How much a peer counts in the mean and in the variance: 1, or its samples.
struct WeightedState {
    const LocalState* state;
    double weight = 1;
};

/// H(mean of states) >= variance of the models (sketch: with probability). A peer that has no state
/// counts with zero drift: `weights`, of all peers, is the divisor. Cost: peers x values.
/// norm: mean ||u||^2. linear: mean ||u||^2 - (mean <direction,u>)^2. sketch: mean ||u||^2 -
/// M2(mean sketch)/(1 + epsilon). exact: mean ||u||^2 - ||mean u||^2. local, local-balanced: max
/// ||u||^2, which is no smaller than the variance either. every-step, interval: infinity. cascade:
/// the lower of linear and sketch; linear, as long as one of the states is brief.
[[nodiscard]] double variance_bound(MonitorKind kind, SketchShape shape,
                                    std::span<const WeightedState> states, double weights);

/// M2: the median over rows of the row's squared norm; estimates ||v||^2 from a sketch of v.
[[nodiscard]] double sketch_squared_norm(SketchShape shape, std::span<const float> sketch);

}  // namespace dynavg::protocol
