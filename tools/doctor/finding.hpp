#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dynavg::doctor {

/// failure: the node does not work as configured. warning: it works, and somebody should look.
enum class Level : std::uint8_t { ok, warning, failure };

[[nodiscard]] std::string_view name_of(Level level);

/// One line of `dynavg doctor`.
struct Finding {
    Level level = Level::ok;
    std::string check;  ///< Name of the check, for programs: "keys", "ports", "peer", ...
    std::string where;  ///< A file, an address, a field.
    std::string what;
    std::string fix;  ///< The command or the change that helps; empty if ok.
    bool operator==(const Finding&) const = default;
};

/// One line each, a second one with the remedy, and a last one with the count. Texts of others are
/// escaped.
[[nodiscard]] std::string text_of(const std::vector<Finding>& findings);
/// One JSON object in one line.
[[nodiscard]] std::string json_of(const std::vector<Finding>& findings);

[[nodiscard]] bool has_failure(const std::vector<Finding>& findings);

}  // namespace dynavg::doctor
