#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/messages.hpp"

/// The records that a peer needs after a crash, as plain values; storage/ keeps them on disk.
namespace dynavg::protocol {

/// Written before a peer speaks in an attempt: after a restart it speaks neither in this attempt
/// nor in an earlier one (docs/protocol.md, "Promises on disk").
struct Promise {
    Incarnation incarnation;  ///< Of the life that made it; the next one is above.
    Incarnation remembers;    ///< The first life since which nothing promised was forgotten.
    Epoch target;             ///< 0: it has not been in a round yet.
    Attempt attempt;
    /// Members of the roster behind epoch target - 1 whose departure it has acknowledged; sorted.
    std::vector<PeerId> departed;
    bool operator==(const Promise&) const = default;
};

/// Written before a peer announces that it is prepared.
struct PreparedRecord {
    Prepared prepared;
    ReferencePointer value;  ///< value->epoch is the target.
};

/// Local training as it stood at one moment; a restart goes on from it.
struct LocalRecord {
    Incarnation incarnation;  ///< Of the life that wrote it.
    ReferenceId reference;    ///< The drift counts from it.
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    std::vector<float> drift;    ///< Parameters - reference's.
    std::vector<float> buffers;  ///< As they stood.
    /// The drift when it was frozen for this epoch, and its steps; empty if nothing was frozen.
    std::optional<Epoch> frozen_for;
    std::uint64_t frozen_steps = 0;
    std::vector<float> frozen_drift;
    std::vector<std::byte> optimizer;  ///< Learner::optimizer_state().
};

/// Where other peers were last heard: a restart dials them, so that the seeds need not be up.
struct KnownPeers {
    std::vector<KnownPeer> peers;  ///< Sorted by id.
    bool operator==(const KnownPeers&) const = default;
};

/// The part of a drift restored from disk that is in no reference yet.
enum class Unspent : std::uint8_t { all, after_freeze, nothing };

/// `drift_since`: epoch of LocalRecord::reference, `later`: the references after it, in order;
/// `self` in its present incarnation. If a later roster holds an earlier life of this peer, the
/// drift that this life gave to it is spent: the frozen part if the drift was frozen for that very
/// epoch, else all of it.
[[nodiscard]] Unspent unspent_of(Epoch drift_since, std::optional<Epoch> frozen_for,
                                 const std::vector<HistoryEntry>& later, const Member& self);

}  // namespace dynavg::protocol
