#include "protocol/core/settings.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

namespace {

/// Reads named fields and remembers the first one that is missing or not understood.
class FieldReader {
public:
    explicit FieldReader(const NetworkFields& fields) : m_fields(fields) {}

    template <class T>
    void number(const char* name, T& value) {
        read(name, [&value](const std::string& text) {
            const auto end = text.data() + text.size();
            const auto result = std::from_chars(text.data(), end, value);
            return result.ec == std::errc() && result.ptr == end;
        });
    }

    template <class Parse>
    void read(const char* name, Parse parse) {
        const auto found = m_fields.find(name);
        if (found == m_fields.end()) {
            note(fmt::format("the network does not tell its {}", name));
        } else if (!parse(found->second)) {
            note(fmt::format("the network has {} = {}, which this version does not know", name,
                             found->second));
        }
    }

    [[nodiscard]] const std::string& problem() const { return m_problem; }

private:
    void note(std::string problem) {
        if (m_problem.empty()) m_problem = std::move(problem);
    }

    const NetworkFields& m_fields;
    std::string m_problem;
};

}  // namespace

std::string_view name_of(Pace pace) {
    return pace == Pace::free ? "free" : "lockstep";
}

std::string_view name_of(QuorumRule rule) {
    return rule == QuorumRule::majority ? "majority" : "none";
}

std::string_view name_of(WeightRule rule) {
    return rule == WeightRule::equal ? "equal" : "samples";
}

std::string monitor_text(const AveragingSettings& settings) {
    const std::string name(name_of(settings.monitor));
    const bool interval = traits_of(settings.monitor).trigger == Trigger::interval;
    return interval ? fmt::format("{}:{}", name, settings.interval) : name;
}

float weight_of(WeightRule rule, std::uint64_t samples) {
    return rule == WeightRule::samples ? static_cast<float>(samples) : 1.0F;
}

OuterRules outer_rules(const AveragingSettings& settings) {
    const bool equal = settings.weights == WeightRule::equal;
    return {settings.outer, settings.threshold_rule, equal ? 1.0F : limits::kWeightMax};
}

NetworkFields fields_of(const AveragingSettings& settings) {
    return {
        {"averaging.monitor", std::string(name_of(settings.monitor))},
        {"averaging.interval", fmt::to_string(settings.interval)},
        {"averaging.sketch_rows", fmt::to_string(settings.sketch.rows)},
        {"averaging.sketch_columns", fmt::to_string(settings.sketch.columns)},
        {"averaging.sketch_seed", fmt::to_string(settings.sketch_seed)},
        {"averaging.threshold", fmt::format("{}", settings.threshold)},
        {"averaging.threshold_rule", std::string(name_of(settings.threshold_rule.kind))},
        {"averaging.threshold_target", fmt::format("{}", settings.threshold_rule.target)},
        {"averaging.outer_optimizer", std::string(name_of(settings.outer.kind))},
        {"averaging.outer_learning_rate", fmt::format("{}", settings.outer.learning_rate)},
        {"averaging.outer_momentum", fmt::format("{}", settings.outer.momentum)},
        {"averaging.outer_beta2", fmt::format("{}", settings.outer.beta2)},
        {"averaging.outer_epsilon", fmt::format("{}", settings.outer.epsilon)},
        {"averaging.weights", std::string(name_of(settings.weights))},
        {"averaging.pace", std::string(name_of(settings.pace))},
        {"averaging.max_lag_steps", fmt::to_string(settings.max_lag_steps)},
        {"averaging.min_peers", fmt::to_string(settings.min_peers)},
        {"averaging.quorum", std::string(name_of(settings.quorum))},
        {"averaging.state_interval_us", fmt::to_string(settings.state_interval.count())},
        {"averaging.check_every", fmt::to_string(settings.check_every)},
    };
}

Expected<AveragingSettings, Error> averaging_from_fields(const NetworkFields& fields) {
    AveragingSettings settings;
    FieldReader reader(fields);
    reader.read("averaging.monitor", [&settings](const std::string& text) {
        const auto kind = monitor_from_name(text);
        if (kind) settings.monitor = *kind;
        return kind.has_value();
    });
    reader.number("averaging.interval", settings.interval);
    reader.number("averaging.sketch_rows", settings.sketch.rows);
    reader.number("averaging.sketch_columns", settings.sketch.columns);
    reader.number("averaging.sketch_seed", settings.sketch_seed);
    reader.number("averaging.threshold", settings.threshold);
    reader.read("averaging.threshold_rule", [&settings](const std::string& text) {
        const auto kind = threshold_kind_from_name(text);
        if (kind) settings.threshold_rule.kind = *kind;
        return kind.has_value();
    });
    reader.number("averaging.threshold_target", settings.threshold_rule.target);
    reader.read("averaging.outer_optimizer", [&settings](const std::string& text) {
        const auto kind = outer_from_name(text);
        if (kind) settings.outer.kind = *kind;
        return kind.has_value();
    });
    reader.number("averaging.outer_learning_rate", settings.outer.learning_rate);
    reader.number("averaging.outer_momentum", settings.outer.momentum);
    reader.number("averaging.outer_beta2", settings.outer.beta2);
    reader.number("averaging.outer_epsilon", settings.outer.epsilon);
    reader.read("averaging.weights", [&settings](const std::string& text) {
        settings.weights = text == "equal" ? WeightRule::equal : WeightRule::samples;
        return text == name_of(settings.weights);
    });
    reader.read("averaging.pace", [&settings](const std::string& text) {
        settings.pace = text == "free" ? Pace::free : Pace::lockstep;
        return text == name_of(settings.pace);
    });
    reader.number("averaging.max_lag_steps", settings.max_lag_steps);
    reader.number("averaging.min_peers", settings.min_peers);
    reader.read("averaging.quorum", [&settings](const std::string& text) {
        settings.quorum = text == "none" ? QuorumRule::none : QuorumRule::majority;
        return text == name_of(settings.quorum);
    });
    std::int64_t interval_us = 0;
    reader.number("averaging.state_interval_us", interval_us);
    settings.state_interval = Duration(interval_us);
    reader.number("averaging.check_every", settings.check_every);
    if (!reader.problem().empty()) return fail(reader.problem());
    if (traits_of(settings.monitor).balances) {
        return fail(
            fmt::format("the network has averaging.monitor = {}, which runs in dynavg simulate "
                        "only",
                        name_of(settings.monitor)));
    }
    const bool sane = std::isfinite(settings.threshold) && settings.threshold > 0 &&
                      settings.sketch.rows > 0 && settings.sketch.rows <= 64 &&
                      settings.sketch.columns > 0 && settings.sketch.columns <= 65536 &&
                      interval_us >= 0 && settings.state_interval <= limits::kStateIntervalMax &&
                      settings.check_every > 0 && settings.interval > 0 &&
                      is_valid(settings.threshold_rule) && is_valid(settings.outer);
    if (!sane) return fail("the network's averaging settings are out of range");
    return settings;
}

}  // namespace dynavg::protocol
