#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/base/role.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/monitor/local_state.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// Where an earlier life of this peer stood, from disk.
struct RestoredCore {
    ReferencePointer reference;
    std::vector<HistoryEntry> history;  ///< Up to and with the reference's own.
    std::optional<Promise> promise;
    std::optional<PreparedRecord> prepared;
    /// Of the drift that the trainer goes on with, if any: see unspent_of().
    std::optional<Epoch> drift_since;
    std::optional<Epoch> frozen_for;
};

struct NodeCoreOptions {
    Member self;
    AveragingSettings averaging;
    float weight = 1;               ///< How much this peer counts: weight_of() its samples.
    ReferencePointer initial;       ///< The common epoch 0.
    std::uint32_t start_peers = 1;  ///< Training begins once so many peers are live, self included.
    std::optional<RestoredCore> restored;
    /// The shell keeps promises on disk and reports each one; else a record counts as written at
    /// once, and a restarted peer must not vote again.
    bool durable = false;
    /// An observer follows the reference and does nothing else. Of `averaging` only the quorum is
    /// of interest to it; it makes no promises and calls no rounds.
    Role role = Role::member;
};

/// The trainer's report after a local step, and after an install.
struct StepReport {
    ReferenceId reference;    ///< The drift is counted from it.
    std::uint64_t steps = 0;  ///< Local steps in this life.
    std::uint64_t steps_since_reference = 0;
    std::optional<LocalState> state;  ///< If this step is due for a check, or the last one.
    Duration step_time{};
    bool done = false;  ///< Has done its max_steps.
};

}  // namespace dynavg::protocol
