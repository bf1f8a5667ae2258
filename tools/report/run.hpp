#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

/// The folder of a run of `dynavg simulate`, as values. experiments/README.md has the
/// meaning of every field.
namespace dynavg::report {

/// A line of epochs.csv.
struct EpochRow {
    double epoch = 0;
    std::uint64_t step = 0;
    std::uint64_t rounds = 0;
    std::optional<double> accuracy_reference;
    std::optional<double> accuracy_mean;
    std::uint64_t bytes_monitoring = 0;
    std::uint64_t bytes_averaging = 0;
};

/// A line of rounds.csv. The estimate may be infinite, and not a number.
struct RoundRow {
    std::uint64_t round = 0;
    std::uint64_t step = 0;
    double estimate = 0;
    double exact_variance = 0;
    double threshold = 0;
    std::uint64_t participants = 0;
    std::uint64_t bytes = 0;
    std::string reason;
};

/// The settings of a run, as far as its files tell: run.json, and summary.json.
struct Settings {
    std::string model;
    std::string monitor;
    std::string outer_optimizer;
    std::optional<double> threshold;
    std::optional<std::uint64_t> peers;
    std::optional<double> target_accuracy;
    std::optional<std::uint64_t> seed;
    /// Everything by its key ("averaging.threshold"), without the seeds. Runs whose maps are equal
    /// differ in their seeds only. Empty if nothing is known.
    std::map<std::string, std::string> all;
};

/// The result of a run that is complete.
struct Result {
    std::uint64_t steps = 0;
    double epochs = 0;
    std::uint64_t rounds = 0;
    std::uint64_t parameters = 0;
    std::uint64_t bytes_monitoring = 0;  ///< On the wire, as are the next three.
    std::uint64_t bytes_averaging = 0;
    std::uint64_t bytes_overhead = 0;
    std::uint64_t bytes_total = 0;
    std::uint64_t bytes_paper = 0;  ///< By the papers' formula.
    std::optional<double> accuracy_reference;
    std::optional<double> accuracy_mean;
    std::optional<std::uint64_t> reached_target;  ///< The step.
    std::string digest;
    double wall_s = 0;
};

struct Run {
    std::filesystem::path folder;
    std::string name;  ///< For people: the folder as it was found.
    Settings settings;
    std::optional<Result> result;  ///< None: interrupted, or its summary.json can't be read.
    std::vector<EpochRow> epochs;
    std::vector<RoundRow> rounds;
    std::vector<std::string> problems;  ///< A sentence each: the file, what is wrong, what to do.
};

/// Of the mean of all local models, which is what a target is compared with; where that was not
/// measured, of the reference.
[[nodiscard]] inline std::optional<double> accuracy_of(const EpochRow& row) {
    return row.accuracy_mean ? row.accuracy_mean : row.accuracy_reference;
}
[[nodiscard]] inline std::optional<double> accuracy_of(const Result& result) {
    return result.accuracy_mean ? result.accuracy_mean : result.accuracy_reference;
}

}  // namespace dynavg::report
