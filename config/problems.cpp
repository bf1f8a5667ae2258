#include "config/problems.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

namespace dynavg::config {

void Problems::add(std::string key, Position position, std::string text) {
    m_problems.push_back({std::move(key), position, std::move(text)});
}

bool Problems::concerns(std::string_view key) const {
    return std::any_of(m_problems.begin(), m_problems.end(),
                       [key](const Problem& problem) { return problem.key == key; });
}

Error Problems::error(const std::string& file) const {
    std::vector<Problem> sorted = m_problems;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Problem& a, const Problem& b) {
        return std::tie(a.position.source, a.position.line, a.position.column) <
               std::tie(b.position.source, b.position.line, b.position.column);
    });
    std::string text;
    for (const Problem& problem : sorted) {
        if (!text.empty()) text += '\n';
        text += problem.position.source.empty() ? file : problem.position.source;
        if (problem.position.line > 0) {
            text += fmt::format(":{}:{}", problem.position.line, problem.position.column);
        }
        text += fmt::format(": {}: {}", problem.key, problem.text);
    }
    return {std::move(text)};
}

}  // namespace dynavg::config
