#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/report/run.hpp"

namespace dynavg::report {

/// Over the finished runs of a group.
struct Statistic {
    double median = 0;
    double min = 0;
    double max = 0;
    std::size_t count = 0;
};

/// Nothing of no values. The median of an even number of values is the mean of the middle two.
[[nodiscard]] std::optional<Statistic> statistic(std::vector<double> values);

/// Runs whose settings differ in their seeds only, or a single run.
struct Group {
    std::string label;  ///< Its difference to the other groups: "linear, threshold 3, momentum".
    /// The part of the label that no member of Settings tells: "learning_rate 0.01". Often empty.
    std::string distinction;
    Settings settings;  ///< Of its first run.
    std::vector<Run> runs;
    std::size_t finished = 0;
    std::size_t reached = 0;  ///< Finished runs that reached the target.
    std::optional<Statistic> steps;
    std::optional<Statistic> epochs;
    std::optional<Statistic> rounds;
    std::optional<Statistic> accuracy;
    std::optional<Statistic> reached_target;  ///< Steps, of those that reached it.
    std::optional<Statistic> bytes_paper;
    std::optional<Statistic> bytes_monitoring;
    std::optional<Statistic> bytes_averaging;
    std::optional<Statistic> bytes_total;
    /// How many times as many bytes the synchronous runs of the same model, peers and target took,
    /// by medians. Nothing if there are none, or if any of the runs compared missed its target.
    std::optional<double> ratio_paper;
    std::optional<double> ratio_wire;
};

/// Groups in the order of model, peers, monitor, outer optimizer and threshold.
[[nodiscard]] std::vector<Group> make_groups(std::vector<Run> runs);

/// "every-step": it averages after each step, which is synchronous training.
[[nodiscard]] bool is_synchronous(const Settings& settings);

}  // namespace dynavg::report
