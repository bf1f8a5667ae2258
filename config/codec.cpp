#include "config/codec.hpp"

#include "config/nearest.hpp"

namespace dynavg::config {

namespace {

std::string with_article(std::string_view type) {
    if (type == "true or false") return std::string(type);
    return fmt::format("{} {}", type == "integer" ? "an" : "a", type);
}

}  // namespace

Unexpected<std::string> wrong_type(const Value& value, std::string_view type,
                                   std::string_view allowed) {
    return Unexpected<std::string>(fmt::format("must be {}{}{}, but is {} ({})", with_article(type),
                                               allowed.empty() ? "" : ": ", allowed, show(value),
                                               type_of(value)));
}

Unexpected<std::string> not_allowed(const Value& value, std::string_view allowed) {
    return Unexpected<std::string>(
        fmt::format("{} is not allowed; allowed: {}", show(value), allowed));
}

Unexpected<std::string> not_available(std::string_view shown, std::string_view available) {
    return Unexpected<std::string>(
        fmt::format("{} is not available in this version; available: {}", shown, available));
}

bool is_later(const Later& later, std::string_view name) {
    return std::any_of(later.begin(), later.end(), [name](const std::string& known) {
        return known.ends_with(':') ? name.starts_with(known) : name == known;
    });
}

Codec<protocol::Duration> milliseconds(std::int64_t min, std::int64_t max) {
    const Codec<std::int64_t> count = integer<std::int64_t>(min, max);
    return {.type = count.type,
            .allowed = count.allowed,
            .parse = [count](const Value& value) -> Expected<protocol::Duration, std::string> {
                const auto number_of = count.parse(value);
                if (!number_of) return Unexpected<std::string>(number_of.error());
                return std::chrono::milliseconds(*number_of);
            },
            .print =
                [](const protocol::Duration& duration) {
                    using std::chrono::milliseconds;
                    return fmt::format("{}",
                                       std::chrono::duration_cast<milliseconds>(duration).count());
                }};
}

NumberRange above(double min) {
    return {.min = min, .min_included = false, .text = fmt::format("above {}", min)};
}

NumberRange at_least(double min) {
    return {.min = min, .text = fmt::format("{} or more", min)};
}

NumberRange from_to_below(double min, double max) {
    return {.min = min,
            .max = max,
            .max_included = false,
            .text = fmt::format("{} or more, below {}", min, max)};
}

Codec<double> number(const NumberRange& range) {
    return {.type = "number",
            .allowed = range.text,
            .parse = [range](const Value& value) -> Expected<double, std::string> {
                double parsed = 0;
                if (const auto* whole = std::get_if<std::int64_t>(&value.data)) {
                    parsed = static_cast<double>(*whole);
                } else if (const auto* real = std::get_if<double>(&value.data)) {
                    parsed = *real;
                } else {
                    return wrong_type(value, "number", range.text);
                }
                const bool inside = std::isfinite(parsed) && parsed >= range.min &&
                                    parsed <= range.max &&
                                    (range.min_included || parsed > range.min) &&
                                    (range.max_included || parsed < range.max);
                if (!inside) return not_allowed(value, range.text);
                return parsed;
            },
            .print =
                [](const double& shown) {
                    // A number of TOML needs its point, else it is an integer.
                    std::string digits = fmt::format("{}", shown);
                    if (digits.find_first_of(".e") == std::string::npos) digits += ".0";
                    return digits;
                }};
}

Codec<bool> boolean() {
    return {.type = "true or false",
            .allowed = "",
            .parse = [](const Value& value) -> Expected<bool, std::string> {
                if (const auto* flag = std::get_if<bool>(&value.data)) return *flag;
                return wrong_type(value, "true or false", "");
            },
            .print = [](const bool& flag) { return std::string(flag ? "true" : "false"); }};
}

Codec<std::string> one_of(std::vector<std::string> names, Later later) {
    const std::string allowed = fmt::format("{}", fmt::join(names, ", "));
    return {.type = "string",
            .allowed = allowed,
            .parse = [=](const Value& value) -> Expected<std::string, std::string> {
                const auto* name = std::get_if<std::string>(&value.data);
                if (name == nullptr) return wrong_type(value, "string", allowed);
                if (std::find(names.begin(), names.end(), *name) != names.end()) return *name;
                if (is_later(later, *name)) return not_available(in_quotes(*name), allowed);
                auto problem = not_allowed(value, allowed);
                if (const auto near = nearest(*name, names)) {
                    problem.value() += fmt::format("; did you mean {}?", in_quotes(*near));
                }
                return problem;
            },
            .print = [](const std::string& name) { return in_quotes(name); }};
}

Codec<std::string> text(std::string allowed, TextCheck check) {
    return {.type = "string",
            .allowed = allowed,
            .parse = [=](const Value& value) -> Expected<std::string, std::string> {
                const auto* found = std::get_if<std::string>(&value.data);
                if (found == nullptr) return wrong_type(value, "string", allowed);
                const std::string problem = check(*found);
                if (problem.empty()) return *found;
                return Unexpected<std::string>(
                    fmt::format("{} {}; allowed: {}", show(value), problem, allowed));
            },
            .print = [](const std::string& shown) { return in_quotes(shown); }};
}

}  // namespace dynavg::config
