#pragma once

#include <string>
#include <vector>

#include "tools/report/groups.hpp"

namespace dynavg::report {

/// A cell: a median, and how far the seeds are apart.
struct Cell {
    std::string text;    ///< "192 MB"
    std::string spread;  ///< "+-3%", for a terminal; empty where there is none.
    std::string range;   ///< "188 MB to 201 MB", for a page.
};

struct Column {
    std::string title;    ///< "wire: total"
    std::string meaning;  ///< A sentence.
    bool is_number = true;
    std::vector<Cell> cells;  ///< One per row.
};

/// A row per group of which anything is known but that it is there. A setting that all rows have in
/// common is told once, and has no column.
struct ComparisonTable {
    std::size_t rows = 0;
    std::vector<std::string> common;  ///< "model lenet5", "10 peers"
    std::vector<Column> columns;
};

[[nodiscard]] ComparisonTable comparison(const std::vector<Group>& groups);

/// For a terminal: aligned columns, what the common settings are, and what is not finished. Texts
/// from files are escaped.
[[nodiscard]] std::string terminal_text(const std::vector<Group>& groups);

}  // namespace dynavg::report
