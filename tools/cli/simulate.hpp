#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "simulation/experiment/experiment.hpp"
#include "tools/cli/grid.hpp"
#include "tools/cli/verb.hpp"

namespace dynavg::cli {

/// dynavg-simulate, from its arguments to its exit code. Exceptions come out.
[[nodiscard]] int simulate_main(int argc, char** argv);

/// The arguments of `dynavg simulate`.
struct SimulateOptions {
    std::string config;
    std::vector<std::string> settings;  ///< "KEY=VALUE", in place of what the file says.
    std::uint32_t peers = 0;
    std::optional<std::uint64_t> steps;  ///< This or epochs.
    std::optional<std::uint64_t> epochs;
    std::optional<double> target_accuracy;
    bool checks = false;
    std::optional<std::uint64_t> seed;
    std::filesystem::path data;  ///< Instead of the paths in the configuration.
    std::string faults;          ///< "random" or what parse_faults() reads; empty: none.
    std::filesystem::path out;
    std::uint32_t threads = 0;  ///< 0: as many as there are cores, but not more than peers.
    GridOptions grid;  ///< With a file: the rest is in it, but for `data`, `out`, `threads`.
};

void add_simulate_options(CLI::App& app, SimulateOptions& options);

/// Runs the experiment, or the grid, writes its files, and prints what came out of it.
[[nodiscard]] ExitCode simulate(const SimulateOptions& options);

}  // namespace dynavg::cli
