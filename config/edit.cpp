#include "config/edit.hpp"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dynavg::config {
namespace {

using Lines = std::vector<std::string>;

Lines lines_of(std::string_view text) {
    Lines lines;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        lines.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string text_of(const Lines& lines) {
    return fmt::format("{}\n", fmt::join(lines, "\n"));
}

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(" \t\r") - begin + 1);
}

/// "[node]   # who" -> "node"; nothing if the line is no table's header.
std::string_view table_in(std::string_view line) {
    line = trimmed(line);
    const std::size_t end = line.find(']');
    if (line.empty() || line.front() != '[' || end == std::string_view::npos) return {};
    return trimmed(line.substr(1, end - 1));
}

bool sets(std::string_view line, std::string_view name) {
    line = trimmed(line);
    if (!line.starts_with(name)) return false;
    return trimmed(line.substr(name.size())).starts_with('=');
}

bool shows(std::string_view line, std::string_view name) {
    line = trimmed(line);
    return line.starts_with('#') && sets(line.substr(1), name);
}

/// Lines of a table, without its header: [begin, end). Nothing if it is not there.
struct Span {
    std::size_t begin = 0;
    std::size_t end = 0;
};
std::optional<Span> find_table(const Lines& lines, std::string_view table) {
    for (std::size_t i = 0; i < lines.size(); ++i) {
        if (table_in(lines[i]) != table) continue;
        std::size_t end = i + 1;
        while (end < lines.size() && table_in(lines[end]).empty()) ++end;
        return Span{i + 1, end};
    }
    return {};
}

/// A value that goes on behind its line would be cut in two.
bool ends_on_its_line(std::string_view line) {
    const std::string_view value = trimmed(line.substr(line.find('=') + 1));
    const bool opens = value.starts_with('[') || value.starts_with('{');
    return !value.starts_with("\"\"\"") && !value.starts_with("'''") &&
           (!opens || value.find(value.front() == '[' ? ']' : '}') != std::string_view::npos);
}

}  // namespace

Expected<std::string, Error> set_key(std::string_view text, std::string_view key,
                                     std::string_view value) {
    const std::string_view table = key.substr(0, key.rfind('.'));
    const std::string_view name = key.substr(key.rfind('.') + 1);
    const std::string line = fmt::format("{} = {}", name, value);
    Lines lines = lines_of(text);
    const auto span = find_table(lines, table);
    if (!span) {
        lines.insert(lines.end(), {"", fmt::format("[{}]", table), line});
        return text_of(lines);
    }
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(span->begin);
    const auto end = lines.begin() + static_cast<std::ptrdiff_t>(span->end);
    auto found = std::find_if(begin, end, [&](const auto& one) { return sets(one, name); });
    if (found != end && !ends_on_its_line(*found)) {
        return fail(fmt::format("line {}: {} has a value of several lines; set it to {} by hand",
                                found - lines.begin() + 1, key, value));
    }
    if (found == end) {
        found = std::find_if(begin, end, [&](const auto& one) { return shows(one, name); });
    }
    if (found == end) {
        lines.insert(begin, line);
    } else {
        *found = line;
    }
    return text_of(lines);
}

std::string without_empty_table(std::string_view text, std::string_view table) {
    Lines lines = lines_of(text);
    const auto span = find_table(lines, table);
    if (!span) return std::string(text);
    const auto begin = lines.begin() + static_cast<std::ptrdiff_t>(span->begin);
    const auto end = lines.begin() + static_cast<std::ptrdiff_t>(span->end);
    const bool empty = std::all_of(begin, end, [](const std::string& line) {
        const std::string_view content = trimmed(line);
        return content.empty() || content.front() == '#';
    });
    if (!empty) return std::string(text);
    std::string& header = lines[span->begin - 1];
    header = "# " + header;
    return text_of(lines);
}

}  // namespace dynavg::config
