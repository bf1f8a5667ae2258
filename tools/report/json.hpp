#pragma once

#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "tools/report/groups.hpp"

namespace dynavg::report {

/// {"groups": [{"label", "settings", "runs": [{"folder", "finished", ...}], "steps": {"median",
/// "min", "max", "count"}, ...}], "problems": [...]}. A value that is not known is null. Bytes that
/// are no UTF-8 are escaped.
[[nodiscard]] nlohmann::ordered_json to_json(const std::vector<Group>& groups);

}  // namespace dynavg::report
