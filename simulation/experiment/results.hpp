#pragma once

#include <cstdint>
#include <optional>
#include <string>

/// The results of an experiment: one row per evaluation, one per round, and a summary. The members
/// are the columns and fields of the result files, see experiments/README.md.
namespace dynavg::simulation {

/// After an epoch, and after the last step.
struct EpochRow {
    double epoch = 0;  ///< Whole, except where the run ends within an epoch.
    std::uint64_t step = 0;
    std::uint64_t rounds = 0;
    std::optional<double> accuracy_reference;  ///< Nothing without test data.
    std::optional<double> accuracy_mean;       ///< Of the mean of all local models.
    double train_loss = 0;                     ///< Mean over all peers' steps since the row before.
    std::uint64_t bytes_monitoring = 0;
    std::uint64_t bytes_averaging = 0;
};

/// After a round, once all peers have installed its reference.
struct RoundRow {
    std::uint64_t round = 0;    ///< The epoch of the reference that it made.
    std::uint64_t step = 0;     ///< Of the peer that called it first.
    double estimate = 0;        ///< Infinite with every-step.
    double exact_variance = 0;  ///< Of all local models when it was called.
    double threshold = 0;
    std::uint64_t participants = 0;
    double duration_ms = 0;   ///< Virtual: from the first call to the last install.
    std::uint64_t bytes = 0;  ///< For averaging, sent by all peers since the row before.
    std::string reason;       ///< crossing, every-step, final, ...
};

/// After a step, where the experiment asks for checks.
struct CheckRow {
    std::uint64_t step = 0;
    double estimate = 0;  ///< H, by which the peers decided.
    double exact_variance = 0;
    double threshold = 0;
};

/// Over all rows of checks.
struct CheckStatistics {
    std::uint64_t checks = 0;
    std::uint64_t below = 0;  ///< Those whose estimate was below the exact variance.
    double ratio_min = 0;     ///< The least estimate / exact variance.
};

struct Summary {
    std::uint64_t peers = 0;
    std::uint64_t steps = 0;  ///< That every peer has done.
    double epochs = 0;
    std::uint64_t rounds = 0;
    std::uint64_t parameters = 0;
    std::string model;
    std::string monitor;   ///< As configured: "linear", "interval:100".
    double threshold = 0;  ///< Of the first epoch.
    /// "interval:200" or "bytes:1000": where the later thresholds come from; nothing: it is fixed.
    std::optional<std::string> threshold_target;
    std::string outer_optimizer;
    std::string weights;
    std::string pace;
    std::uint64_t bytes_monitoring = 0;
    std::uint64_t bytes_averaging = 0;
    std::uint64_t bytes_overhead = 0;
    std::uint64_t balancings = 0;       ///< local-balanced: how often some models were averaged,
    std::uint64_t balanced_models = 0;  ///< and how many in all.
    std::uint64_t bytes_balancing = 0;  ///< As Kamp counts: each of them there and back.
    std::uint64_t bytes_paper = 0;
    std::optional<double> accuracy_reference;
    std::optional<double> accuracy_mean;
    std::string digest;
    double virtual_s = 0;
    double wall_s = 0;  ///< Set by whoever has a clock.
    std::optional<double> target_accuracy;
    std::optional<std::uint64_t> reached_target;
    std::optional<CheckStatistics> checks;
    std::uint64_t seed = 0;
    std::uint64_t model_seed = 0;
    std::optional<std::string> faults;  ///< As to_string() writes them.
    [[nodiscard]] std::uint64_t bytes_total() const {
        return bytes_monitoring + bytes_averaging + bytes_balancing + bytes_overhead;
    }
};

}  // namespace dynavg::simulation
