#pragma once

#include <cstdint>
#include <string>

#include "tools/report/run.hpp"

namespace dynavg::report {

/// A finished run of LeNet-5 with 10 peers: 100 bytes of states per step, 1000 per round.
inline Run sample_run(const std::string& monitor, double threshold, std::uint64_t seed,
                      std::uint64_t rounds = 36) {
    Run run;
    run.folder = "results/" + monitor + "-" + std::to_string(seed);
    run.name = run.folder.string();
    run.settings.model = "lenet5";
    run.settings.monitor = monitor;
    run.settings.threshold = threshold;
    run.settings.peers = 10;
    run.settings.seed = seed;
    run.settings.all = {{"peers", "10"},
                        {"model.builtin", "lenet5"},
                        {"averaging.monitor", monitor},
                        {"averaging.threshold", std::to_string(threshold)}};
    Result result;
    result.steps = 100;
    result.epochs = 2;
    result.rounds = rounds;
    result.parameters = 12;
    result.bytes_monitoring = 10'000;
    result.bytes_averaging = 1000 * rounds;
    result.bytes_overhead = 500;
    result.bytes_total = 10'500 + 1000 * rounds;
    result.bytes_paper = 8000 + 960 * rounds;
    result.accuracy_mean = 0.98 + 0.001 * static_cast<double>(seed);
    run.result = result;
    for (std::uint64_t epoch = 1; epoch <= 2; ++epoch) {
        EpochRow row;
        row.epoch = static_cast<double>(epoch);
        row.step = 50 * epoch;
        row.rounds = rounds * epoch / 2;
        row.accuracy_mean = epoch == 1 ? 0.9 : *result.accuracy_mean;
        row.bytes_monitoring = 5000 * epoch;
        row.bytes_averaging = 1000 * row.rounds;
        run.epochs.push_back(row);
    }
    for (std::uint64_t round = 1; round <= rounds; ++round) {
        run.rounds.push_back({.round = round,
                              .step = 100 * round / rounds,
                              .estimate = threshold + 0.1,
                              .exact_variance = threshold - 0.5,
                              .threshold = threshold,
                              .participants = 10,
                              .bytes = 1000,
                              .reason = "crossing"});
    }
    return run;
}

}  // namespace dynavg::report
