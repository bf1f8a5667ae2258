#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace dynavg::protocol {

/// info is rare and worth reading, warning asks the operator to act, error means that the node
/// stops, debug is off by default.
enum class Level : std::uint8_t { debug, info, warning, error };

using EventValue = std::variant<std::int64_t, double, std::string, std::vector<std::string>>;

/// Something worth a line in the log, as a value: the daemon prints it, the tests and the simulator
/// assert on it. Names and fields are the outward contract (docs/events.md).
struct Event {
    std::string_view name;  ///< A literal.
    Level level = Level::info;
    std::string message;  ///< A sentence for a person.
    std::vector<std::pair<std::string_view, EventValue>> fields;

    Event(std::string_view event_name, Level event_level, std::string sentence)
        : name(event_name), level(event_level), message(std::move(sentence)) {}

    Event& with(std::string_view key, std::integral auto value) {
        fields.emplace_back(key, static_cast<std::int64_t>(value));
        return *this;
    }
    Event& with(std::string_view key, double value) {
        fields.emplace_back(key, value);
        return *this;
    }
    Event& with(std::string_view key, std::string value) {
        fields.emplace_back(key, std::move(value));
        return *this;
    }
    Event& with(std::string_view key, std::vector<std::string> value) {
        fields.emplace_back(key, std::move(value));
        return *this;
    }
    [[nodiscard]] const EventValue* find(std::string_view key) const {
        for (const auto& [name_of_field, value] : fields) {
            if (name_of_field == key) return &value;
        }
        return nullptr;
    }
};

}  // namespace dynavg::protocol
