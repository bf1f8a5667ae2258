#include "config/nearest.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace dynavg::config {

namespace {

/// No key is longer; bounds the work for a hostile one.
constexpr std::size_t kWordBytesMax = 64;
constexpr std::size_t kBeginningBytesMin = 3;

}  // namespace

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // Optimal string alignment; rows of the table for the last two letters of `a` and this one.
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        before.swap(above);
        above.swap(row);
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replaced = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replaced});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
    }
    return row.back();
}

std::optional<std::string> nearest(std::string_view word, std::span<const std::string> candidates) {
    if (word.size() > kWordBytesMax) return std::nullopt;
    std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
    std::optional<std::string> found;
    for (const std::string& candidate : candidates) {
        // The beginning of a word counts as one slip, however much is missing.
        const bool begun = word.size() >= kBeginningBytesMin && candidate.starts_with(word);
        const std::size_t distance = begun ? 1 : edit_distance(word, candidate);
        // A short word must not turn into any other short word.
        if (distance >= best || distance >= std::max(word.size(), candidate.size())) continue;
        best = distance;
        found = candidate;
    }
    return found;
}

}  // namespace dynavg::config
