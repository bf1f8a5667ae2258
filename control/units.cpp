#include "control/units.hpp"

#include <array>
#include <cstddef>

#include <fmt/format.h>

namespace dynavg::control {

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array kUnits{"kB", "MB", "GB", "TB", "PB", "EB"};
    if (bytes < 1000) return fmt::format("{} B", bytes);
    auto value = static_cast<double>(bytes) / 1000;
    std::size_t unit = 0;
    // A number that would be shown as 1000.0 belongs to the next unit.
    while (value >= 999.95 && unit + 1 < kUnits.size()) {
        value /= 1000;
        ++unit;
    }
    return fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace dynavg::control
