#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "tools/cli/verb.hpp"

namespace dynavg::cli {

/// The arguments of `dynavg simulate --experiments`.
struct GridOptions {
    std::filesystem::path file;
    std::filesystem::path out;
    std::filesystem::path data;     ///< Instead of the paths in the configurations.
    std::vector<std::string> only;  ///< Names of experiments or runs, * and ? for any; empty: all.
    std::uint32_t jobs = 0;         ///< 0: as many as there are cores.
    std::uint32_t threads = 0;      ///< Of each run; 0: the cores, divided by the jobs.
    bool force = false;             ///< Runs anew what is there, whatever it is.
    bool list = false;              ///< Only prints the runs.
};

/// Runs what is not finished yet, and compares what there is.
[[nodiscard]] ExitCode simulate_grid(const GridOptions& options);

}  // namespace dynavg::cli
