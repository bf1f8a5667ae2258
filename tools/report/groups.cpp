#include "tools/report/groups.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "tools/report/numbers.hpp"

namespace dynavg::report {

namespace {

/// Values by which groups are labelled in words of their own.
const std::set<std::string, std::less<>> kLabelled{
    "peers",           "model",
    "model.builtin",   "parameters",
    "monitor",         "averaging.monitor",
    "threshold",       "averaging.threshold",
    "outer_optimizer", "averaging.outer_optimizer",
};

bool is_of_group(const Run& run, const Group& group) {
    if (run.settings.all.empty() || run.settings.all != group.settings.all) return false;
    // Two runs of one seed differ in something that their files don't tell, or are copies.
    return std::none_of(group.runs.begin(), group.runs.end(), [&run](const Run& other) {
        return other.settings.seed == run.settings.seed;
    });
}

auto order_of(const Group& group) {
    const Settings& settings = group.settings;
    return std::tuple(settings.all.empty(), settings.model, settings.peers,
                      is_synchronous(settings) ? 0 : 1, settings.monitor, settings.outer_optimizer,
                      settings.threshold);
}

template <class Get>
std::optional<Statistic> over_results(const Group& group, Get get) {
    std::vector<double> values;
    for (const Run& run : group.runs) {
        if (!run.result) continue;
        if (const std::optional<double> value = get(*run.result)) values.push_back(*value);
    }
    return statistic(std::move(values));
}

auto count(std::uint64_t Result::*member) {
    return [member](const Result& result) -> std::optional<double> {
        return static_cast<double>(result.*member);
    };
}

void add_statistics(Group& group) {
    for (const Run& run : group.runs) {
        if (!run.result) continue;
        ++group.finished;
        if (run.result->reached_target) ++group.reached;
    }
    group.steps = over_results(group, count(&Result::steps));
    group.epochs = over_results(
        group, [](const Result& result) -> std::optional<double> { return result.epochs; });
    group.rounds = over_results(group, count(&Result::rounds));
    group.accuracy = over_results(group, [](const Result& result) { return accuracy_of(result); });
    group.reached_target = over_results(group, [](const Result& result) {
        return result.reached_target
                   ? std::optional<double>(static_cast<double>(*result.reached_target))
                   : std::nullopt;
    });
    group.bytes_paper = over_results(group, count(&Result::bytes_paper));
    group.bytes_monitoring = over_results(group, count(&Result::bytes_monitoring));
    group.bytes_averaging = over_results(group, count(&Result::bytes_averaging));
    group.bytes_total = over_results(group, count(&Result::bytes_total));
}

/// Bytes of runs that came to different ends say nothing about each other.
bool are_comparable(const Group& a, const Group& b) {
    if (a.finished == 0 || b.finished == 0) return false;
    if (a.settings.model != b.settings.model || a.settings.peers != b.settings.peers ||
        a.settings.target_accuracy != b.settings.target_accuracy) {
        return false;
    }
    if (!a.settings.target_accuracy) return a.steps->median == b.steps->median;
    return a.reached == a.finished && b.reached == b.finished;
}

/// How many settings differ, apart from those that make training synchronous.
std::size_t differences(const Group& a, const Group& b) {
    std::size_t different = 0;
    for (const auto& [key, value] : a.settings.all) {
        const auto other = b.settings.all.find(key);
        if (other == b.settings.all.end() || other->second != value) ++different;
    }
    return different;
}

void add_ratios(std::vector<Group>& groups) {
    for (Group& group : groups) {
        const Group* nearest = nullptr;
        for (const Group& other : groups) {
            if (!is_synchronous(other.settings) || !are_comparable(group, other)) continue;
            if (nearest == nullptr || differences(group, other) < differences(group, *nearest)) {
                nearest = &other;
            }
        }
        if (nearest == nullptr) continue;
        const auto ratio = [](const Statistic& whole, const Statistic& part) {
            return part.median > 0 ? std::optional<double>(whole.median / part.median)
                                   : std::nullopt;
        };
        group.ratio_paper = ratio(*nearest->bytes_paper, *group.bytes_paper);
        group.ratio_wire = ratio(*nearest->bytes_total, *group.bytes_total);
    }
}

/// Settings that are not the same in all groups that have them.
std::set<std::string> varying(const std::vector<Group>& groups) {
    std::map<std::string, std::set<std::string>> values;
    for (const Group& group : groups) {
        for (const auto& [key, value] : group.settings.all) values[key].insert(value);
    }
    std::set<std::string> keys;
    for (const auto& [key, found] : values) {
        if (found.size() > 1) keys.insert(key);
    }
    return keys;
}

/// Groups of which nothing is known stand last.
template <class Get>
bool differs(const std::vector<Group>& groups, Get get) {
    return std::any_of(groups.begin(), groups.end(), [&](const Group& group) {
        return !group.settings.all.empty() && get(group.settings) != get(groups.front().settings);
    });
}

void add_labels(std::vector<Group>& groups) {
    const std::set<std::string> keys = varying(groups);
    const bool models = differs(groups, [](const Settings& s) { return s.model; });
    const bool peers = differs(groups, [](const Settings& s) { return s.peers; });
    const bool optimizers = differs(groups, [](const Settings& s) { return s.outer_optimizer; });
    std::map<std::string, std::size_t> uses;
    for (Group& group : groups) {
        const Settings& settings = group.settings;
        std::vector<std::string> parts;
        if (models && !settings.model.empty()) parts.push_back(settings.model);
        if (peers && settings.peers) parts.push_back(grouped(*settings.peers) + " peers");
        if (!settings.monitor.empty()) parts.push_back(settings.monitor);
        if (settings.threshold && !is_synchronous(settings)) {
            parts.push_back("threshold " + number_text(*settings.threshold));
        }
        if (optimizers && !settings.outer_optimizer.empty()) {
            parts.push_back(settings.outer_optimizer);
        }
        std::vector<std::string> others;
        for (const auto& [key, value] : settings.all) {
            if (!keys.contains(key)) continue;
            // A threshold that is no number, as "auto", is told as any other setting.
            const bool is_word = key.ends_with("threshold") && !settings.threshold;
            if (kLabelled.contains(key) && !is_word) continue;
            others.push_back(key.substr(key.rfind('.') + 1) + " " + value);
        }
        group.distinction = fmt::format("{}", fmt::join(others, ", "));
        parts.insert(parts.end(), others.begin(), others.end());
        group.label = fmt::format("{}", fmt::join(parts, ", "));
        ++uses[group.label];
    }
    for (Group& group : groups) {
        if (!group.label.empty() && uses.at(group.label) == 1) continue;
        for (std::string* text : {&group.label, &group.distinction}) {
            *text += (text->empty() ? "" : ", ") + group.runs.front().name;
        }
    }
}

}  // namespace

bool is_synchronous(const Settings& settings) {
    return settings.monitor == "every-step";
}

std::optional<Statistic> statistic(std::vector<double> values) {
    if (values.empty()) return std::nullopt;
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return Statistic{median, values.front(), values.back(), values.size()};
}

std::vector<Group> make_groups(std::vector<Run> runs) {
    std::vector<Group> groups;
    for (Run& run : runs) {
        auto group = std::find_if(groups.begin(), groups.end(), [&run](const Group& candidate) {
            return is_of_group(run, candidate);
        });
        if (group == groups.end()) {
            groups.emplace_back();
            group = groups.end() - 1;
            group->settings = run.settings;
        }
        group->runs.push_back(std::move(run));
    }
    std::stable_sort(groups.begin(), groups.end(),
                     [](const Group& a, const Group& b) { return order_of(a) < order_of(b); });
    for (Group& group : groups) {
        std::stable_sort(group.runs.begin(), group.runs.end(), [](const Run& a, const Run& b) {
            return a.settings.seed < b.settings.seed;
        });
        add_statistics(group);
    }
    add_ratios(groups);
    add_labels(groups);
    return groups;
}

}  // namespace dynavg::report
