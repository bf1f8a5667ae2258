#include "tools/cli/units.hpp"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace dynavg::cli {

std::optional<std::uint64_t> bytes_from_text(const std::string& text) {
    constexpr double kMax = 1e12;
    if (text == "none") return 0;
    double value = 0;
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, value, std::chars_format::fixed);
    if (error != std::errc() || end - rest > 1) return std::nullopt;
    if (rest != end) {
        if (*rest != 'k' && *rest != 'M' && *rest != 'G') return std::nullopt;
        value *= *rest == 'k' ? 1e3 : *rest == 'M' ? 1e6 : 1e9;
    }
    if (!(value >= 0) || value >= kMax) return std::nullopt;
    return static_cast<std::uint64_t>(std::llround(value));
}

std::string duration_text(double seconds) {
    if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e12) return "?";
    if (seconds < 1) return fmt::format("{:.0f} ms", std::floor(seconds * 1000));
    const auto whole = static_cast<std::uint64_t>(seconds);
    const std::uint64_t minutes = whole / 60;
    const std::uint64_t hours = minutes / 60;
    if (minutes == 0) return fmt::format("{} s", whole);
    if (hours == 0) return fmt::format("{} min {:02} s", minutes, whole % 60);
    if (hours < 24) return fmt::format("{} h {:02} min", hours, minutes % 60);
    return fmt::format("{} d {:02} h", hours / 24, hours % 24);
}

}  // namespace dynavg::cli
