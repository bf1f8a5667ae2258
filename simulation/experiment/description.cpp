#include "simulation/experiment/description.hpp"

#include <nlohmann/json.hpp>

namespace dynavg::simulation {

namespace {

using Json = nlohmann::ordered_json;

/// A value as the configuration writes it is JSON too, but for a path that is no UTF-8.
Json json_of(const std::string& toml) {
    Json json = Json::parse(toml, nullptr, /*allow_exceptions=*/false);
    return json.is_discarded() ? Json(toml) : json;
}

Json faults_of(const ExperimentFaults& faults) {
    if (const auto* schedule = std::get_if<FaultSchedule>(&faults)) return to_string(*schedule);
    return std::holds_alternative<RandomFaults>(faults) ? Json("random") : Json();
}

}  // namespace

std::string description_text(const ExperimentOptions& options) {
    const auto* steps = std::get_if<Steps>(&options.length);
    const auto* epochs = std::get_if<Epochs>(&options.length);
    Json configuration = Json::object();
    for (const auto& [key, value] : config::effective_values(options.config)) {
        configuration[key] = json_of(value);
    }
    Json json{
        {"peers", options.peers},
        {"steps", steps != nullptr ? Json(steps->count) : Json()},
        {"epochs", epochs != nullptr ? Json(epochs->count) : Json()},
        {"target_accuracy", options.target_accuracy ? Json(*options.target_accuracy) : Json()},
        {"faults", faults_of(options.faults)},
        {"configuration", std::move(configuration)}};
    if (options.checks) json["checks"] = true;
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace dynavg::simulation
