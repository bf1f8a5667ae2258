#include "tools/report/charts.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "tools/report/numbers.hpp"
#include "tools/report/points_to_draw.hpp"
#include "tools/report/style.hpp"

namespace dynavg::report {

namespace {

/// Markers of a curve, and of a kind in a chart of rounds, are at most about twice as many. Each
/// has a text of its own, and a grid has a hundred runs.
constexpr std::size_t kCurveSpans = 40;
constexpr std::size_t kRoundSpans = 90;
/// Rounds of a larger estimate than this quantile are no measure of the others.
constexpr double kOutlierQuantile = 0.98;
/// The colour of text, dotted and dashed.
constexpr std::size_t kTargetStyle = kColours * 3 - 1;
constexpr std::size_t kThresholdStyle = kColours * 2 - 1;

constexpr const char* kPaper = "bytes by the papers' formula, all peers";
constexpr const char* kWire = "bytes on the wire (states and models), all peers";
constexpr const char* kAccuracy = "accuracy of the mean model";

std::string run_label(const Run& run, const std::string& group) {
    std::string text = group.empty() ? run.name : group;
    if (run.settings.seed) text += fmt::format(", seed {}", *run.settings.seed);
    if (!run.result) text += ", not finished";
    return text;
}

double wire_bytes_at(const EpochRow& row) {
    return static_cast<double>(row.bytes_monitoring) + static_cast<double>(row.bytes_averaging);
}

std::string point_title(const Run& run, const EpochRow& row, const std::string& label) {
    const auto paper = paper_bytes_at(run, row);
    return fmt::format("{}\nepoch {}, step {}, {} rounds\naccuracy {:.4f}\n{}{} on the wire", label,
                       number_text(row.epoch), grouped(row.step), grouped(row.rounds),
                       accuracy_of(row).value_or(std::numeric_limits<double>::quiet_NaN()),
                       paper ? bytes_text(*paper) + " by the papers' formula, " : "",
                       bytes_text(wire_bytes_at(row)));
}

/// A curve's line and its markers are thinned alike.
template <class GetX>
Series accuracy_series(const Run& run, const Group& group, std::size_t style, GetX get_x) {
    std::vector<Point> points;
    std::vector<double> heights;
    const std::string label = run_label(run, group.label);
    for (const EpochRow& row : run.epochs) {
        const std::optional<double> accuracy = accuracy_of(row);
        const std::optional<double> x = get_x(run, row);
        if (!accuracy || !x) continue;
        heights.push_back(*accuracy);
        points.push_back({*x, *accuracy, point_title(run, row, label)});
    }
    Series series{group.label, style, true, true, {}};
    for (const std::size_t i : points_to_draw(heights, kCurveSpans)) {
        series.points.push_back(std::move(points[i]));
    }
    return series;
}

/// A line across the chart where all runs have one target.
void add_target(Chart& chart, const std::vector<Group>& groups) {
    const auto& target = groups.front().settings.target_accuracy;
    const bool same = std::all_of(groups.begin(), groups.end(), [&](const Group& group) {
        return group.settings.target_accuracy == target;
    });
    if (!target || !same) return;
    double least = std::numeric_limits<double>::infinity();
    double most = -least;
    for (const Series& series : chart.series) {
        for (const Point& point : series.points) {
            if (chart.x.scale == Scale::logarithmic && point.x <= 0) continue;
            least = std::min(least, point.x);
            most = std::max(most, point.x);
        }
    }
    if (least > most) return;
    chart.series.push_back({"target " + percent_text(*target),
                            kTargetStyle,
                            true,
                            false,
                            {{least, *target, ""}, {most, *target, ""}}});
}

template <class GetX>
Chart accuracy_chart(const std::vector<Group>& groups, const std::string& id,
                     const std::string& title, ChartAxis x, GetX get_x) {
    Chart chart;
    chart.id = id;
    chart.title = title;
    chart.x = std::move(x);
    chart.y = {kAccuracy, Scale::error, Quantity::share, false, {}};
    for (std::size_t i = 0; i < groups.size(); ++i) {
        for (const Run& run : groups[i].runs) {
            Series series = accuracy_series(run, groups[i], i, get_x);
            if (!series.points.empty()) chart.series.push_back(std::move(series));
        }
    }
    chart.description =
        fmt::format("{} curves: {} against {}. The table has the values at their ends.",
                    chart.series.size(), chart.y.label, chart.x.label);
    add_target(chart, groups);
    return chart;
}

Chart target_chart(const std::vector<Group>& groups, const std::string& id,
                   const std::string& title, const std::string& x_label,
                   std::uint64_t Result::*bytes) {
    Chart chart;
    chart.id = id;
    chart.title = title;
    chart.x = {x_label, Scale::logarithmic, Quantity::bytes, false, {}};
    chart.y = {"steps of every peer", Scale::linear, Quantity::count, true, {}};
    for (std::size_t i = 0; i < groups.size(); ++i) {
        Series series{groups[i].label, i, false, true, {}};
        for (const Run& run : groups[i].runs) {
            if (!run.result || !run.result->reached_target) continue;
            const auto x = static_cast<double>((*run.result).*bytes);
            const auto y = static_cast<double>(*run.result->reached_target);
            series.points.push_back(
                {x, y,
                 fmt::format("{}\n{} steps, {}", run_label(run, groups[i].label),
                             grouped(*run.result->reached_target), bytes_text(x))});
        }
        if (!series.points.empty()) chart.series.push_back(std::move(series));
    }
    chart.description =
        "A point per run that reached the target; lower and further left is better.";
    return chart;
}

/// Of runs that differ in their peers.
std::string line_name(const Settings& settings) {
    std::string name = settings.model + ", " + settings.monitor;
    if (settings.threshold && !is_synchronous(settings)) {
        name += ", threshold " + number_text(*settings.threshold);
    }
    return name;
}

/// Groups are in the order of their peers.
Series growth_series(const std::string& name, std::size_t style,
                     const std::vector<const Group*>& groups, std::uint64_t Result::*bytes,
                     std::uint64_t Result::*events) {
    Series series{name, style, true, true, {}};
    for (const Group* group : groups) {
        const auto peers = static_cast<double>(*group->settings.peers);
        std::vector<double> values;
        for (const Run& run : group->runs) {
            if (!run.result || (*run.result).*events == 0) continue;
            values.push_back(static_cast<double>((*run.result).*bytes) / peers /
                             static_cast<double>((*run.result).*events));
        }
        const auto found = statistic(std::move(values));
        if (!found) continue;
        series.points.push_back(
            {peers, found->median,
             fmt::format("{}\n{} peers: {}", name, group->settings.peers.value(),
                         bytes_text(found->median))});
    }
    return series;
}

std::string round_title(const RoundRow& row) {
    return fmt::format(
        "round {}, step {}: {}\nestimate {}, exact variance {}, threshold {}\n{} "
        "peers, {}",
        grouped(row.round), grouped(row.step), row.reason, number_text(row.estimate),
        number_text(row.exact_variance), number_text(row.threshold), grouped(row.participants),
        bytes_text(static_cast<double>(row.bytes)));
}

Series round_series(const Run& run, const std::string& name, std::size_t style,
                    double RoundRow::*member) {
    std::vector<double> values;
    for (const RoundRow& row : run.rounds) values.push_back(row.*member);
    Series series{name, style, false, true, {}};
    for (const std::size_t i : points_to_draw(values, kRoundSpans)) {
        const RoundRow& row = run.rounds[i];
        if (!std::isfinite(row.*member)) continue;
        series.points.push_back({static_cast<double>(row.step), row.*member, round_title(row)});
    }
    return series;
}

/// Steps: it may change from round to round.
Series threshold_series(const Run& run) {
    Series series{"threshold", kThresholdStyle, true, false, {}};
    double before = 0;
    for (const RoundRow& row : run.rounds) {
        if (!std::isfinite(row.threshold)) continue;
        const bool is_last = &row == &run.rounds.back();
        if (!series.points.empty() && row.threshold == before && !is_last) continue;
        const auto step = static_cast<double>(row.step);
        series.points.push_back(
            {series.points.empty() ? 0 : step, series.points.empty() ? row.threshold : before, ""});
        series.points.push_back({step, row.threshold, ""});
        before = row.threshold;
    }
    return series;
}

/// Where the scale ends, if a few rounds would make all others small.
std::optional<double> scale_end(const Run& run) {
    std::vector<double> values;
    double threshold = 0;
    for (const RoundRow& row : run.rounds) {
        if (std::isfinite(row.estimate)) values.push_back(row.estimate);
        if (std::isfinite(row.exact_variance)) values.push_back(row.exact_variance);
        if (std::isfinite(row.estimate) && std::isfinite(row.threshold)) {
            threshold = std::max(threshold, row.threshold);
        }
    }
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    const auto index =
        static_cast<std::size_t>(kOutlierQuantile * static_cast<double>(values.size() - 1));
    const double end = std::max(values[index], threshold) * 1.2;
    return values.back() > 2 * end ? std::optional<double>(end) : std::nullopt;
}

std::string round_note(const Run& run) {
    std::size_t infinite = 0;
    std::size_t unknown = 0;
    for (const RoundRow& row : run.rounds) {
        infinite += std::isinf(row.estimate) ? 1 : 0;
        unknown += std::isnan(row.estimate) ? 1 : 0;
    }
    std::string note = grouped(run.rounds.size()) + " rounds";
    if (infinite > 0) note += fmt::format(", {} without an estimate", grouped(infinite));
    if (unknown > 0) note += fmt::format(", {} whose caller crashed", grouped(unknown));
    if (run.rounds.size() > 2 * kRoundSpans + 2) {
        note += "; drawn are the least and the greatest of equal spans";
    }
    return note + ".";
}

}  // namespace

std::optional<double> paper_bytes_at(const Run& run, const EpochRow& row) {
    if (!run.result || !run.settings.peers || run.result->steps == 0) return std::nullopt;
    const Result& result = *run.result;
    const double round =
        8 * static_cast<double>(result.parameters) * static_cast<double>(*run.settings.peers);
    const double monitoring =
        static_cast<double>(result.bytes_paper) - round * static_cast<double>(result.rounds);
    if (monitoring < 0) return std::nullopt;
    return round * static_cast<double>(row.rounds) +
           monitoring * static_cast<double>(row.step) / static_cast<double>(result.steps);
}

std::vector<Chart> accuracy_charts(const std::vector<Group>& groups) {
    if (groups.empty()) return {};
    const ChartAxis paper{kPaper, Scale::logarithmic, Quantity::bytes, false, {}};
    const ChartAxis wire{kWire, Scale::logarithmic, Quantity::bytes, false, {}};
    const ChartAxis steps{"steps of every peer", Scale::linear, Quantity::count, true, {}};
    return {accuracy_chart(groups, "accuracy-paper", "Accuracy against bytes, as the papers count",
                           paper, paper_bytes_at),
            accuracy_chart(groups, "accuracy-wire", "Accuracy against bytes, on the wire", wire,
                           [](const Run&, const EpochRow& row) {
                               return std::optional<double>(wire_bytes_at(row));
                           }),
            accuracy_chart(groups, "accuracy-steps", "Accuracy against steps", steps,
                           [](const Run&, const EpochRow& row) {
                               return std::optional<double>(static_cast<double>(row.step));
                           })};
}

std::vector<Chart> target_charts(const std::vector<Group>& groups) {
    const bool any = std::any_of(groups.begin(), groups.end(),
                                 [](const Group& group) { return group.reached > 0; });
    if (!any) return {};
    return {target_chart(groups, "target-paper", "Reaching the target: bytes, as the papers count",
                         kPaper, &Result::bytes_paper),
            target_chart(groups, "target-wire", "Reaching the target: bytes, on the wire",
                         "all bytes on the wire, all peers", &Result::bytes_total)};
}

std::optional<Chart> growth_chart(const std::vector<Group>& groups) {
    std::map<std::map<std::string, std::string>, std::vector<const Group*>> lines;
    for (const Group& group : groups) {
        if (group.finished == 0 || !group.settings.peers || group.settings.all.empty()) continue;
        auto settings = group.settings.all;
        settings.erase("peers");
        lines[settings].push_back(&group);
    }
    std::erase_if(lines, [](const auto& line) { return line.second.size() < 2; });
    if (lines.empty()) return std::nullopt;
    Chart chart;
    chart.id = "growth";
    chart.title = "What a peer sends as the network grows";
    chart.description =
        "Bytes on the wire that each peer sends, against the number of peers: for averaging and "
        "overhead per round, for monitoring per step.";
    chart.x = {"peers", Scale::logarithmic, Quantity::count, false, {}};
    chart.y = {"bytes that each peer sends", Scale::logarithmic, Quantity::bytes, false, {}};
    std::size_t style = 0;
    for (const auto& [settings, members] : lines) {
        const std::string name = line_name(members.front()->settings);
        chart.series.push_back(growth_series(name + ": averaging per round", style++, members,
                                             &Result::bytes_averaging, &Result::rounds));
        chart.series.push_back(growth_series(name + ": monitoring per step", style++, members,
                                             &Result::bytes_monitoring, &Result::steps));
        chart.series.push_back(growth_series(name + ": overhead per round", style++, members,
                                             &Result::bytes_overhead, &Result::rounds));
    }
    return chart;
}

Chart round_chart(const Run& run, const std::string& id, const std::string& label) {
    Chart chart;
    chart.id = id;
    chart.title = run_label(run, label);
    chart.note = round_note(run);
    chart.description =
        "Per round: the estimate that called it, the exact variance of all models, and the "
        "threshold, against the step of the caller.";
    chart.is_small = true;
    chart.x = {"step", Scale::linear, Quantity::count, true, {}};
    chart.y = {"variance of the models", Scale::linear, Quantity::number, true, scale_end(run)};
    Series estimates = round_series(run, "estimate", 0, &RoundRow::estimate);
    chart.series.push_back(round_series(run, "exact variance", 1, &RoundRow::exact_variance));
    // A run that averages after every step has no use for a threshold.
    if (!estimates.points.empty()) {
        chart.series.push_back(threshold_series(run));
        chart.series.push_back(std::move(estimates));
    }
    return chart;
}

}  // namespace dynavg::report
