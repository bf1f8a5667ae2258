#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "peer/training_ledger.hpp"
#include "protocol/base/role.hpp"
#include "protocol/core/node_core.hpp"
#include "protocol/reference/learner.hpp"
#include "protocol/wire/durable.hpp"
#include "storage/checkpoint_store.hpp"

namespace dynavg::peer {

/// The start values of a life where no earlier one has left anything.
struct FreshLife {
    protocol::Member self;  ///< With the incarnation that the clock suggests.
    protocol::ReferencePointer initial;
    float weight = 1;  ///< How much a contribution of this peer counts.
    protocol::Role role = protocol::Role::member;
};

/// Where a life begins: each part of the shell is given its member.
struct Resumption {
    protocol::Member self;  ///< Its incarnation is above those of all former lives.
    /// None: nothing was on disk.
    std::optional<protocol::RestoredCore> core;
    TrainingStart training;
    /// For restore_learner(); empty: the learner begins with the initial reference.
    std::vector<float> values;
    std::vector<std::byte> optimizer;
    /// Where others were last heard, to be dialed.
    std::vector<protocol::KnownPeer> known_peers;
};

/// Makes of the files found on disk the point where this life goes on. Pure; `found` was not
/// refused.
///
/// Rules:
/// - A disk that has lost a promise or a prepared value is not an empty disk: the peer goes on as a
///   stranger, without the promises that are left, because nobody knows what it voted for.
/// - The initial reference is on no disk: each peer computes it from the configuration.
/// - An observer goes on from the reference alone: it has trained nothing and given nothing.
[[nodiscard]] Resumption resume(storage::Found found, const FreshLife& fresh);

/// Puts the learner where the earlier life stopped. False if the optimizer's state did not fit and
/// was dropped: the optimizer starts anew, the model goes on.
[[nodiscard]] bool restore_learner(protocol::Learner& learner, const Resumption& resumed);

/// The record of this life's training that the next life finds, if it is written before the life
/// ends.
[[nodiscard]] protocol::LocalRecord local_record(protocol::Incarnation incarnation,
                                                 TrainingCopy copy);

}  // namespace dynavg::peer
