#pragma once

#include <string>
#include <vector>

namespace dynavg::cli {

using TableRow = std::vector<std::string>;

/// Columns as wide as their widest text, two spaces apart, the last one as it is; all rows have as
/// many cells as the first. Texts of others are escaped.
[[nodiscard]] std::string table_text(const std::vector<TableRow>& rows);

}  // namespace dynavg::cli
