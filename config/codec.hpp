#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "config/names.hpp"
#include "config/value.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/instant.hpp"

namespace dynavg::config {

/// How one kind of setting is read and shown. A parse error is the rest of a sentence that begins
/// with the key: what is wrong and what is allowed.
template <class T>
struct Codec {
    using type_read = T;
    std::string type;     ///< "integer"
    std::string allowed;  ///< "1 to 65535"; empty: any of the type.
    std::function<Expected<T, std::string>(const Value&)> parse;
    std::function<std::string(const T&)> print;  ///< As TOML.
};

[[nodiscard]] Unexpected<std::string> wrong_type(const Value& value, std::string_view type,
                                                 std::string_view allowed);
[[nodiscard]] Unexpected<std::string> not_allowed(const Value& value, std::string_view allowed);
[[nodiscard]] Unexpected<std::string> not_available(std::string_view shown,
                                                    std::string_view available);

// --- numbers ----------------------------------------------------------------------------------

/// Integers of TOML have 63 bits and a sign; that is the largest range.
template <class T>
Codec<T> integer(std::int64_t min, std::int64_t max = std::numeric_limits<std::int64_t>::max()) {
    const bool open = max == std::numeric_limits<std::int64_t>::max();
    if (std::in_range<std::int64_t>(std::numeric_limits<T>::max())) {
        max = std::min(max, static_cast<std::int64_t>(std::numeric_limits<T>::max()));
    }
    std::string allowed = open ? fmt::format("{} or more", min) : fmt::format("{} to {}", min, max);
    return {.type = "integer",
            .allowed = allowed,
            .parse = [=](const Value& value) -> Expected<T, std::string> {
                const auto* number = std::get_if<std::int64_t>(&value.data);
                if (number == nullptr) return wrong_type(value, "integer", allowed);
                if (*number < min || *number > max) return not_allowed(value, allowed);
                return static_cast<T>(*number);
            },
            .print = [](const T& number) { return fmt::format("{}", number); }};
}

[[nodiscard]] Codec<protocol::Duration> milliseconds(std::int64_t min, std::int64_t max);

/// An interval of finite numbers; `text` says it in words.
struct NumberRange {
    double min = 0;
    double max = std::numeric_limits<double>::max();
    bool min_included = true;
    bool max_included = true;
    std::string text;
};

[[nodiscard]] NumberRange above(double min);
[[nodiscard]] NumberRange at_least(double min);
[[nodiscard]] NumberRange from_to_below(double min, double max);
[[nodiscard]] Codec<double> number(const NumberRange& range);

[[nodiscard]] Codec<bool> boolean();

// --- texts ------------------------------------------------------------------------------------

/// A text whose form `check` knows: it returns what is wrong, or nothing.
using TextCheck = std::function<std::string(const std::string&)>;
[[nodiscard]] Codec<std::string> text(std::string allowed, TextCheck check);

/// Values known to the contract that this version does not have; "interval:" stands for all that
/// begin with it.
using Later = std::vector<std::string>;
[[nodiscard]] bool is_later(const Later& later, std::string_view name);

/// One of these names.
[[nodiscard]] Codec<std::string> one_of(std::vector<std::string> names, Later later = {});

/// The value that has the name; `choices` outlives the codec.
template <class E>
Codec<E> choice(std::span<const Named<E>> choices, Later later = {}) {
    std::vector<std::string> names;
    for (const auto& [name, value] : choices) names.emplace_back(name);
    const auto named = one_of(std::move(names), std::move(later));
    return {.type = named.type,
            .allowed = named.allowed,
            .parse = [=](const Value& value) -> Expected<E, std::string> {
                const auto name = named.parse(value);
                if (!name) return Unexpected<std::string>(name.error());
                const auto found =
                    std::find_if(choices.begin(), choices.end(),
                                 [&name](const auto& entry) { return entry.first == *name; });
                return found->second;
            },
            .print = [choices](const E& value) { return in_quotes(name_in(choices, value)); }};
}

// --- lists ------------------------------------------------------------------------------------

enum class Repetition : std::uint8_t { allowed, forbidden };

template <class T>
Codec<std::vector<T>> list_of(Codec<T> element, std::size_t size_max, Repetition repetition) {
    const std::string allowed = fmt::format(
        "at most {}, each {}", size_max, element.allowed.empty() ? element.type : element.allowed);
    return {.type = "list of " + element.type + "s",
            .allowed = allowed,
            .parse = [=](const Value& value) -> Expected<std::vector<T>, std::string> {
                const auto* array = std::get_if<Value::Array>(&value.data);
                if (array == nullptr) return wrong_type(value, "list", allowed);
                if (array->size() > size_max) return not_allowed(value, allowed);
                std::vector<T> list;
                for (const Value& item : *array) {
                    auto parsed = element.parse(item);
                    if (!parsed) return Unexpected<std::string>(parsed.error());
                    if (repetition == Repetition::forbidden &&
                        std::find(list.begin(), list.end(), *parsed) != list.end()) {
                        return Unexpected<std::string>(show(item) + " stands there twice");
                    }
                    list.push_back(std::move(*parsed));
                }
                return list;
            },
            .print =
                [element](const std::vector<T>& list) {
                    std::vector<std::string> items;
                    for (const T& item : list) items.push_back(element.print(item));
                    return fmt::format("[{}]", fmt::join(items, ", "));
                }};
}

}  // namespace dynavg::config
