#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "tools/audit/verdict.hpp"

namespace dynavg::audit {

/// For a person; texts from logs are escaped. Ends with a line that begins with AGREED,
/// DISAGREED or NOTHING TO COMPARE.
[[nodiscard]] std::string text_of(const NetworkVerdict& verdict);

/// For a program; tools/cli/README.md describes it.
[[nodiscard]] nlohmann::json to_json(const NetworkVerdict& verdict);

}  // namespace dynavg::audit
