#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.hpp"

namespace dynavg::config {

/// One run of a grid of experiments.
struct GridRun {
    /// Its folder below the grid's: "linear-threshold-0.5-seed-1", below its experiment's name if
    /// it has one. Letters, digits, '.', '_', '-', and that one '/'.
    std::string name;
    std::string experiment;  ///< Empty if it has no name.
    Config config;
    std::uint32_t peers = 0;
    std::optional<std::uint64_t> steps;  ///< This or epochs.
    std::optional<std::uint64_t> epochs;
    std::optional<double> target_accuracy;
    bool checks = false;  ///< Of the estimate, at every step.
};

/// Why an experiment with these settings cannot compare estimate and exact variance at every step,
/// with what to change; empty if it can.
[[nodiscard]] std::string why_no_checks(const protocol::AveragingSettings& averaging);

/// Reads a file that describes many runs, and expands it (experiments/README.md): each
/// [[experiment]] is the product of all its lists; a key that stands outside of them is the default
/// of all. The runs are in the order of the file, seeds last. Errors are as load_config()'s: a line
/// for each problem, with the file and the place that has it.
[[nodiscard]] Expected<std::vector<GridRun>, Error> load_grid(const std::filesystem::path& file);

/// The same of a text; `name` stands for the file in messages, and paths are relative to its
/// folder.
[[nodiscard]] Expected<std::vector<GridRun>, Error> parse_grid(std::string_view text,
                                                               const std::string& name);

}  // namespace dynavg::config
