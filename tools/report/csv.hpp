#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/base/expected.hpp"

namespace dynavg::report {

/// The tables that `dynavg simulate` writes: a header, then lines of numbers and plain words.
/// Nothing is quoted. Columns are found by their names, so that there may be more of them.
struct Csv {
    std::vector<std::string_view> header;
    std::vector<std::vector<std::string_view>> lines;
    /// Why the lines end before the text does: "line 7 has 3 columns instead of 8". Empty if not.
    std::string problem;
    /// The text's last line has no end: it was cut off, and is left out.
    bool is_cut = false;

    [[nodiscard]] std::optional<std::size_t> column(std::string_view name) const;
};

/// Views into `text`. Time and memory grow with its length only.
[[nodiscard]] Csv parse_csv(std::string_view text);

/// The whole cell as a number ("inf" and "nan" are some where T is a real), or nothing.
template <class T>
[[nodiscard]] std::optional<T> number_in(std::string_view cell) {
    T number{};
    const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), number);
    if (error != std::errc() || end != cell.data() + cell.size()) return std::nullopt;
    return number;
}

}  // namespace dynavg::report
