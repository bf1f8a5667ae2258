#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/monitor/local_state.hpp"
#include "protocol/reference/outer_optimizer.hpp"
#include "protocol/reference/threshold_rule.hpp"
#include "protocol/reference/threshold_setting.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// Sizes that both ends of a transfer know; they follow from the model and the monitor.
struct ReferenceShape {
    std::size_t parameters = 0;  ///< d, trainable and monitored.
    std::size_t buffers = 0;     ///< Averaged at rounds, not monitored (BatchNorm statistics).
    bool has_direction = false;  ///< The linear monitor's unit vector travels with the reference.
    std::size_t outer_vectors = 0;  ///< Of the outer optimizer, each as long as the parameters.
    [[nodiscard]] std::size_t values() const { return parameters + buffers; }
    /// Bytes of encode_reference().
    [[nodiscard]] std::size_t encoded_bytes() const;
    constexpr bool operator==(const ReferenceShape&) const = default;
};

/// The values that all peers hold in common, bit for bit. Immutable once made; shared between
/// threads as shared_ptr<const Reference>. Sent, written to disk and digested as a whole.
struct Reference {
    Epoch epoch;
    double threshold = 0;  ///< Theta in force.
    std::uint64_t threshold_set_at_ms =
        0;                         ///< By a person; 0: as the configuration or a rule has it.
    std::vector<float> values;     ///< Parameters, then buffers.
    std::vector<float> direction;  ///< xi: unit vector over the parameters; empty without `linear`.
    std::vector<float> outer;      ///< The outer optimizer's state; empty with `average`.
    std::uint64_t outer_steps = 0;  ///< Outer steps made so far.
    std::size_t parameters = 0;     ///< How many of `values` are parameters.
    ReferenceId id;                 ///< Epoch, and digest over all of the above.

    [[nodiscard]] std::span<const float> parameter_values() const {
        return std::span(values).first(parameters);
    }
    [[nodiscard]] ReferenceShape shape() const;
    /// The threshold, if a person has set it.
    [[nodiscard]] std::optional<ThresholdSetting> setting() const;
};

using ReferencePointer = std::shared_ptr<const Reference>;

/// The common start: epoch 0, a seeded random direction if the shape has one (components
/// +-1/sqrt(d), so that its norm is 1 by construction).
[[nodiscard]] ReferencePointer make_initial_reference(ReferenceShape shape,
                                                      std::vector<float> values, double threshold,
                                                      std::uint64_t seed);

/// The rules by which all peers make the next reference of a round's mean.
struct OuterRules {
    OuterOptimizer optimizer;
    ThresholdRule threshold;
    float weight_max = limits::kWeightMax;  ///< The largest weight that a contribution may have.
};

/// The outer step: from the mean of the models, which `facts` tell of in roster order, to the next
/// reference. Elementwise IEEE arithmetic in a fixed order, so that every peer makes the same bits.
/// Buffers become the mean's. The new direction is the unit vector of (next - previous parameters);
/// it stays if the two are equal. A threshold that a person has set, and later than the one in
/// force, takes its place, unless a rule moves it.
[[nodiscard]] ReferencePointer make_next_reference(const Reference& previous, Epoch target,
                                                   std::vector<float> mean,
                                                   const OuterRules& rules = {},
                                                   std::span<const ContributionFacts> facts = {});

/// The mean of models with different pasts: direction, threshold and outer state are those of the
/// common start, unless a person has set the threshold on one side.
[[nodiscard]] ReferencePointer make_merged_reference(const Reference& initial, Epoch target,
                                                     std::vector<float> mean,
                                                     const OuterRules& rules = {},
                                                     std::span<const ContributionFacts> facts = {});

/// Canonical little-endian bytes: threshold and when it was set, values, direction, outer state and
/// its steps. Cost: one copy.
[[nodiscard]] std::vector<std::byte> encode_reference(const Reference& reference);

/// The reverse; fails if the size is not the shape's or if the digest is not `expected`'s.
[[nodiscard]] Expected<ReferencePointer, Error> decode_reference(std::span<const std::byte> bytes,
                                                                 ReferenceShape shape,
                                                                 ReferenceId expected);

}  // namespace dynavg::protocol
