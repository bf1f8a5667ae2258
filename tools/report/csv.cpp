#include "tools/report/csv.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dynavg::report {

namespace {

std::vector<std::string_view> cells_of(std::string_view line) {
    std::vector<std::string_view> cells;
    for (std::size_t comma = 0; (comma = line.find(',')) != std::string_view::npos;) {
        cells.push_back(line.substr(0, comma));
        line.remove_prefix(comma + 1);
    }
    cells.push_back(line);
    return cells;
}

}  // namespace

std::optional<std::size_t> Csv::column(std::string_view name) const {
    const auto found = std::find(header.begin(), header.end(), name);
    if (found == header.end()) return std::nullopt;
    return static_cast<std::size_t>(found - header.begin());
}

Csv parse_csv(std::string_view text) {
    Csv csv;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        if (end == std::string_view::npos) {
            csv.is_cut = true;
            break;
        }
        auto cells = cells_of(text.substr(0, end));
        text.remove_prefix(end + 1);
        if (number == 1) {
            csv.header = std::move(cells);
        } else if (cells.size() == csv.header.size()) {
            csv.lines.push_back(std::move(cells));
        } else {
            csv.problem = fmt::format("line {} has {} columns instead of {}", number, cells.size(),
                                      csv.header.size());
            break;
        }
    }
    return csv;
}

}  // namespace dynavg::report
