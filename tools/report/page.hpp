#pragma once

#include <string>
#include <vector>

#include "tools/report/groups.hpp"

namespace dynavg::report {

/// A whole page of HTML: table, charts, what is not finished and what was wrong. It needs no other
/// file, no network and no script, and depends on the runs only.
[[nodiscard]] std::string page(const std::vector<Group>& groups);

}  // namespace dynavg::report
