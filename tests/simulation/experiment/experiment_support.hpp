#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "simulation/experiment/experiment.hpp"
#include "training/trainer.hpp"

namespace dynavg::simulation::tests {

/// A tiny model on a few synthetic digits, in lockstep. With 3 peers an epoch has 25 steps.
/// `averaging` has further lines of that table.
[[nodiscard]] config::Config small_config(const std::string& averaging);

/// 60 steps of 3 peers.
[[nodiscard]] ExperimentOptions small_options(const std::string& averaging);

/// Keeps all that it hears.
struct Heard final : ExperimentListener {
    std::vector<EpochRow> epochs;
    std::vector<RoundRow> rounds;
    std::vector<CheckRow> checks;
    std::vector<Progress> progress;
    std::vector<std::string> warnings;
    std::string faults;
    std::uint64_t stop_at_step = 0;  ///< 0: never.

    void on_faults(const std::string& schedule) override { faults = schedule; }
    void on_epoch(const EpochRow& row) override { epochs.push_back(row); }
    void on_round(const RoundRow& row) override { rounds.push_back(row); }
    void on_check(const CheckRow& row) override { checks.push_back(row); }
    void on_progress(const Progress& now) override { progress.push_back(now); }
    void on_warning(const std::string& sentence) override { warnings.push_back(sentence); }
    [[nodiscard]] bool wants_to_stop() override {
        return stop_at_step > 0 && !progress.empty() && progress.back().step >= stop_at_step;
    }
};

/// Fails the test if the experiment fails.
Outcome run(const ExperimentOptions& options, ExperimentListener& listener);
Summary summary_of(const ExperimentOptions& options);

using Trainers = std::vector<std::unique_ptr<training::Trainer>>;
/// Called on a crossing, so many steps after the reference; true: no round is needed.
using PlainResolution =
    std::function<bool(const protocol::Reference&, const Trainers&, std::uint32_t)>;

/// Of the last reference of dynamic averaging as the papers write it down: one loop, no network, no
/// rounds to agree on.
[[nodiscard]] std::string digest_of_plain_loop(const config::Config& config, std::uint32_t peers,
                                               std::uint64_t steps,
                                               const PlainResolution& resolve = {});

}  // namespace dynavg::simulation::tests
