#include "tools/report/json.hpp"

#include <nlohmann/json.hpp>

#include "control/escape.hpp"

namespace dynavg::report {

namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json();
}

Json text_or_null(const std::string& text) {
    return text.empty() ? Json() : Json(control::escaped(text));
}

Json to_json(const std::optional<Statistic>& statistic) {
    if (!statistic) return {};
    return {{"median", statistic->median},
            {"min", statistic->min},
            {"max", statistic->max},
            {"count", statistic->count}};
}

Json to_json(const Run& run) {
    Json json{{"folder", control::escaped(run.folder.string())},
              {"seed", or_null(run.settings.seed)},
              {"finished", run.result.has_value()}};
    if (!run.result) return json;
    const Result& result = *run.result;
    json["steps"] = result.steps;
    json["epochs"] = result.epochs;
    json["rounds"] = result.rounds;
    json["parameters"] = result.parameters;
    json["accuracy_reference"] = or_null(result.accuracy_reference);
    json["accuracy_mean"] = or_null(result.accuracy_mean);
    json["reached_target"] = or_null(result.reached_target);
    json["bytes_paper"] = result.bytes_paper;
    json["bytes_monitoring"] = result.bytes_monitoring;
    json["bytes_averaging"] = result.bytes_averaging;
    json["bytes_overhead"] = result.bytes_overhead;
    json["bytes_total"] = result.bytes_total;
    json["digest"] = control::escaped(result.digest);
    json["wall_s"] = result.wall_s;
    return json;
}

Json to_json(const Settings& settings) {
    Json all = Json::object();
    for (const auto& [key, value] : settings.all) {
        all[control::escaped(key)] = control::escaped(value);
    }
    return {{"model", text_or_null(settings.model)},
            {"monitor", text_or_null(settings.monitor)},
            {"threshold", or_null(settings.threshold)},
            {"outer_optimizer", text_or_null(settings.outer_optimizer)},
            {"peers", or_null(settings.peers)},
            {"target_accuracy", or_null(settings.target_accuracy)},
            {"all", std::move(all)}};
}

Json to_json(const Group& group) {
    Json runs = Json::array();
    for (const Run& run : group.runs) runs.push_back(to_json(run));
    return {{"label", control::escaped(group.label)},
            {"settings", to_json(group.settings)},
            {"finished", group.finished},
            {"reached", group.reached},
            {"steps", to_json(group.steps)},
            {"epochs", to_json(group.epochs)},
            {"rounds", to_json(group.rounds)},
            {"accuracy", to_json(group.accuracy)},
            {"reached_target", to_json(group.reached_target)},
            {"bytes_paper", to_json(group.bytes_paper)},
            {"bytes_monitoring", to_json(group.bytes_monitoring)},
            {"bytes_averaging", to_json(group.bytes_averaging)},
            {"bytes_total", to_json(group.bytes_total)},
            {"synchronous_ratio_paper", or_null(group.ratio_paper)},
            {"synchronous_ratio_wire", or_null(group.ratio_wire)},
            {"runs", std::move(runs)}};
}

}  // namespace

Json to_json(const std::vector<Group>& groups) {
    Json rows = Json::array();
    Json problems = Json::array();
    for (const Group& group : groups) {
        rows.push_back(to_json(group));
        for (const Run& run : group.runs) {
            for (const std::string& problem : run.problems) {
                problems.push_back(control::escaped(problem));
            }
        }
    }
    return {{"groups", std::move(rows)}, {"problems", std::move(problems)}};
}

}  // namespace dynavg::report
