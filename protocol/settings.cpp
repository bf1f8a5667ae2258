#include "protocol/settings.hpp"

#include <charconv>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "protocol/limits.hpp"

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

NetworkFields fields_of(const AveragingSettings& settings) {
    return {
        {"averaging.monitor", std::string(name_of(settings.monitor))},
        {"averaging.sketch_rows", fmt::to_string(settings.sketch.rows)},
        {"averaging.sketch_columns", fmt::to_string(settings.sketch.columns)},
        {"averaging.sketch_seed", fmt::to_string(settings.sketch_seed)},
        {"averaging.threshold", fmt::format("{}", settings.threshold)},
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
    reader.number("averaging.sketch_rows", settings.sketch.rows);
    reader.number("averaging.sketch_columns", settings.sketch.columns);
    reader.number("averaging.sketch_seed", settings.sketch_seed);
    reader.number("averaging.threshold", settings.threshold);
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
    const bool sane = std::isfinite(settings.threshold) && settings.threshold > 0 &&
                      settings.sketch.rows > 0 && settings.sketch.rows <= 64 &&
                      settings.sketch.columns > 0 && settings.sketch.columns <= 65536 &&
                      interval_us >= 0 && settings.state_interval <= limits::kStateIntervalMax &&
                      settings.check_every > 0;
    if (!sane) return fail("the network's averaging settings are out of range");
    return settings;
}

}  // namespace dynavg::protocol
