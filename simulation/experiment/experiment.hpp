#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "config/config.hpp"
#include "protocol/base/expected.hpp"
#include "simulation/experiment/recorder.hpp"
#include "simulation/experiment/results.hpp"
#include "simulation/faults/faults.hpp"

namespace dynavg::simulation {

/// How long to train: parallel steps, or passes over the whole training set.
struct Steps {
    std::uint64_t count = 0;
};
struct Epochs {
    std::uint64_t count = 0;
};

/// Faults are drawn from the training seed. All of them end, and nothing that peers have on disk is
/// lost: the run comes to its end.
struct RandomFaults {};
using ExperimentFaults = std::variant<std::monostate, FaultSchedule, RandomFaults>;

struct ExperimentOptions {
    config::Config config;  ///< [node], [security], shard.index and .count, max_steps are ignored.
    std::size_t peers = 1;
    std::variant<Steps, Epochs> length;
    std::optional<double> target_accuracy;  ///< Ends the run at the first epoch that has it.
    /// A row per step with the estimate and the exact variance, which costs a pass over all models.
    /// Not with faults; see config::why_no_checks().
    bool checks = false;
    std::size_t threads = 1;  ///< Changes the time it takes, and nothing else.
    ExperimentFaults faults;  ///< With faults peers have disks. Not: local-balanced.
};

struct Outcome {
    bool stopped = false;  ///< By the listener; the summary is of what there was.
    Summary summary;
};

/// Trains a network of peers in this process: real trainers and the protocol's own classes over
/// simulated links of 1 ms without loss. Peer i has shard i and order i. Deterministic in the
/// options; in lockstep and without faults the last reference is, to the bit, that of daemons with
/// the same configuration. A peer that a fault has stopped for ever is not waited for. Call
/// training::configure_process(1) before.
[[nodiscard]] Expected<Outcome, Error> run_experiment(const ExperimentOptions& options,
                                                      ExperimentListener& listener);

}  // namespace dynavg::simulation
