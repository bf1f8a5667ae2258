#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "protocol/monitor/local_state.hpp"

namespace dynavg::protocol {

class Drift;

/// The contents of a local state S(u), and so the formula of H from the mean of all states. A value
/// is a monitor's number for good: a new monitor takes the next one.
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

/// The condition under which a peer calls a round.
enum class Trigger : std::uint8_t {
    bound,       ///< H, made of the states of all, is above the threshold.
    own_drift,   ///< Kamp's local condition: a peer's own ||u||^2 is above the threshold.
    every_step,  ///< Each local step.
    interval,    ///< So many local steps; a configuration writes them behind the name.
};

/// All that is particular to one monitor. A new one is a value of MonitorKind and a row of the
/// table in monitor_kind.cpp; learners, rounds, configuration and simulator read its row.
struct MonitorTraits {
    MonitorKind kind{};
    std::string_view name;  ///< As configurations and the handshake write it.
    Trigger trigger = Trigger::bound;
    bool has_direction = false;   ///< Every reference carries the direction; `along` needs it.
    bool has_sketch = false;      ///< States hold a sketch, so the sketch's shape matters.
    bool is_model_sized = false;  ///< States are as large as a model: larger frames, no repeats.
    bool balances = false;        ///< Averages between rounds: lockstep, and in simulations only.
    /// cascade: so many of its values are told at every step, the others only where they are asked
    /// for. Without it a state has one form.
    std::optional<std::size_t> brief_values{};
    /// Number of `LocalState::values`.
    std::size_t (*values)(SketchShape shape, std::size_t parameters) = nullptr;
    /// Writes `LocalState::values`, of which there are as many as `values` says; gives ||u||^2.
    double (*tell)(const Drift& drift, std::span<float> values) = nullptr;
    /// H, as variance_bound() says; `states` may be empty.
    double (*bound)(SketchShape shape, std::span<const WeightedState> states,
                    double weights) = nullptr;
};

/// In the order in which a configuration's documentation lists them.
[[nodiscard]] std::span<const MonitorTraits> all_monitors();
[[nodiscard]] const MonitorTraits& traits_of(MonitorKind kind);

[[nodiscard]] std::string_view name_of(MonitorKind kind);
[[nodiscard]] std::optional<MonitorKind> monitor_from_name(std::string_view name);

/// Whether H is made of the states of others. If not, a state only says that its step is done,
/// which lockstep waits for; in free pace none is sent.
[[nodiscard]] bool needs_states(MonitorKind kind);

/// Whether a threshold decides when a round starts.
[[nodiscard]] bool has_condition(MonitorKind kind);

/// Number of `values` that a monitor's state has for a model of `parameters`.
[[nodiscard]] std::size_t state_values(MonitorKind kind, SketchShape shape, std::size_t parameters);

/// Whether the linear bound is needed: its direction is part of every reference then.
[[nodiscard]] bool has_direction(MonitorKind kind);

/// cascade: the state without its sketch, as it is told at every step. Others have one form only.
[[nodiscard]] LocalState brief(MonitorKind kind, const LocalState& state);
[[nodiscard]] bool is_brief(MonitorKind kind, const LocalState& state);

/// H(mean of states) >= variance of the models (sketch: with probability). A peer that has no state
/// counts with zero drift: `weights`, of all peers, is the divisor. Cost: peers x values.
/// norm: mean ||u||^2. linear: mean ||u||^2 - (mean <direction,u>)^2. sketch: mean ||u||^2 -
/// M2(mean sketch)/(1 + epsilon). exact: mean ||u||^2 - ||mean u||^2. local, local-balanced: max
/// ||u||^2, which is no smaller than the variance either. every-step, interval: infinity. cascade:
/// the lower of linear and sketch; linear, as long as one of the states is brief.
[[nodiscard]] double variance_bound(MonitorKind kind, SketchShape shape,
                                    std::span<const WeightedState> states, double weights);

}  // namespace dynavg::protocol
