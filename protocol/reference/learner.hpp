#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "protocol/monitor/local_state.hpp"
#include "protocol/reference/reference.hpp"

namespace dynavg::protocol {

/// How good a model is on the test set.
struct Evaluation {
    double accuracy = 0;  ///< Share of samples whose most likely class is right.
    double loss = 0;      ///< Mean cross entropy, nats.
    std::size_t samples = 0;
};

/// One model in training on local data, with the calls that the protocol needs, and no more. The
/// daemon's trainer thread, the simulator and the tests drive it; training::Trainer is the real
/// one.
///
/// Not thread-safe, except as said here: the daemon holds one mutex around apply_update(),
/// local_state(), copy_contribution() and install(), never around compute_gradient(), which only
/// reads the parameters. install() and the two halves of a step come from one thread.
class Learner {
public:
    Learner() = default;
    Learner(const Learner&) = delete;
    Learner& operator=(const Learner&) = delete;
    virtual ~Learner() = default;

    [[nodiscard]] virtual ReferenceShape shape() const = 0;
    /// Number of samples that it trains on.
    [[nodiscard]] virtual std::uint64_t samples() const { return 1; }

    /// First half of a local step: a forward and a backward pass over one batch. Returns its loss.
    virtual double compute_gradient() = 0;
    /// Second half: one optimizer update.
    virtual void apply_update() = 0;

    /// S(u) of the drift from the installed reference, squared_norm in float rounded up.
    /// One pass over the arrays.
    [[nodiscard]] virtual LocalState local_state() const = 0;

    /// Copies parameters, then buffers, as they stand. `out` has shape().values() floats.
    virtual void copy_contribution(std::span<float> out) const = 0;

    /// Moves to `reference`. Parameters become reference + (w - base): `base` (parameters, then
    /// buffers) is the part of the local model that has been counted already: the frozen
    /// contribution if it was averaged in, else the previous reference. Buffers are replaced. The
    /// optimizer's own state stays.
    virtual void install(ReferencePointer reference, std::span<const float> base) = 0;

    /// The model becomes these parameters and buffers. Reference and optimizer stay.
    virtual void set_model(std::span<const float> values) = 0;

    /// Goes on where an earlier process stopped: parameters, buffers and optimizer as they were.
    /// `steps` have been done. An optimizer state that does not fit is dropped: false.
    virtual bool restore(ReferencePointer reference, std::span<const float> values,
                         std::span<const std::byte> optimizer, std::uint64_t steps) = 0;
    /// The optimizer's moments, for restore(). Cost: one copy.
    [[nodiscard]] virtual std::vector<std::byte> optimizer_state() const = 0;

    /// Drops the drift: parameters and buffers become the installed reference's, and the optimizer
    /// starts anew. For a model that diverged.
    virtual void reset_to_reference() = 0;
};

}  // namespace dynavg::protocol
