#include "tools/cli/table.hpp"

#include <algorithm>
#include <cstddef>

#include "control/escape.hpp"

namespace dynavg::cli {

std::string table_text(const std::vector<TableRow>& rows) {
    std::vector<TableRow> cells = rows;
    std::vector<std::size_t> widths(rows.empty() ? 0 : rows.front().size());
    for (TableRow& row : cells) {
        row.resize(widths.size());
        for (std::size_t i = 0; i < widths.size(); ++i) {
            row[i] = control::escaped(row[i]);
            widths[i] = std::max(widths[i], control::characters(row[i]));
        }
    }
    std::string text;
    for (const TableRow& row : cells) {
        for (std::size_t i = 0; i < widths.size(); ++i) {
            text += row[i];
            const bool is_last = i + 1 == widths.size();
            if (!is_last) text.append(widths[i] + 2 - control::characters(row[i]), ' ');
        }
        text += '\n';
    }
    return text;
}

}  // namespace dynavg::cli
