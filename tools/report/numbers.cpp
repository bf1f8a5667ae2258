#include "tools/report/numbers.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

#include "control/escape.hpp"

namespace dynavg::report {

std::string grouped(std::uint64_t number) {
    std::string digits = fmt::format("{}", number);
    for (std::size_t i = digits.size(); i > 3; i -= 3) digits.insert(i - 3, 1, ',');
    return digits;
}

std::string count_text(double number) {
    // Beyond 2^53 doubles have no halves, and beyond 2^64 no count.
    if (!(number >= 0 && number < 9e15)) return number_text(number);
    const auto halves = static_cast<std::uint64_t>(std::llround(number * 2));
    return grouped(halves / 2) + (halves % 2 == 0 ? "" : ".5");
}

std::string bytes_text(double bytes) {
    constexpr std::array kUnits{"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    double value = bytes;
    std::size_t unit = 0;
    // A number that would be shown as 1e+03 belongs to the next unit.
    while (value >= 999.5 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.3g} {}", value, kUnits[unit]);
}

std::string number_text(double number) {
    return fmt::format("{:.4g}", number);
}

std::string percent_text(double share) {
    return fmt::format("{:.6g} %", 100 * share);
}

std::string ratio_text(double ratio) {
    return ratio >= 100 ? fmt::format("{:.0f}x", ratio) : fmt::format("{:.2g}x", ratio);
}

std::string html(std::string_view text) {
    std::string result;
    for (const char letter : control::escaped(text)) {
        switch (letter) {
            case '&':
                result += "&amp;";
                break;
            case '<':
                result += "&lt;";
                break;
            case '>':
                result += "&gt;";
                break;
            case '"':
                result += "&quot;";
                break;
            case '\'':
                result += "&#39;";
                break;
            default:
                result += letter;
        }
    }
    return result;
}

}  // namespace dynavg::report
