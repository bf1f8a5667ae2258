#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/exchange/exchange.hpp"
#include "protocol/wire/durable.hpp"
#include "storage/checkpoint_store.hpp"

namespace dynavg::storage {

/// Where a restarted peer's training goes on.
struct Restart {
    protocol::Incarnation incarnation;  ///< Above all former lives'.
    protocol::ReferencePointer reference;
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    /// Parameters and buffers to start from: the reference, plus the drift that no reference holds.
    std::vector<float> values;
    std::vector<std::byte> optimizer;
    /// The contribution that an earlier life may have given to a round whose end it did not see;
    /// null: none. It has no step if it is not in the drift that is kept. `target`: the epoch that
    /// it was frozen for, else the one that the promise names. `values`: the part that leaves the
    /// model if that round held the earlier life. The caller's duty: a freeze for `target` in this
    /// life gives this very contribution again, and a local record of this life that is written
    /// before another freeze names it as frozen. Then it does not matter which of several lives a
    /// roster held, whatever of them reached the disk.
    protocol::ContributionPointer given;
    /// Epoch that the kept drift counts from, and what it was frozen for, for the rules.
    std::optional<protocol::Epoch> drift_since;
    std::optional<protocol::Epoch> frozen_for;
};

/// `self` has the incarnation that the clock suggests; `weight`: how much a contribution of this
/// peer counts. Null reference: nothing to go on from, only the incarnation holds. If `found` fell
/// back to an older reference the local drift is dropped: its spent part cannot be known.
[[nodiscard]] Restart make_restart(const Found& found, protocol::Member self, float weight);

/// Local training as it stands, as a record. `values`: parameters and buffers of the learner now,
/// `frozen`: the contribution frozen since the reference, or null.
[[nodiscard]] protocol::LocalRecord make_local_record(
    protocol::Incarnation incarnation, const protocol::Reference& reference,
    std::span<const float> values, const protocol::Contribution* frozen, std::uint64_t steps,
    std::uint64_t steps_since_reference, std::vector<std::byte> optimizer);

}  // namespace dynavg::storage
