#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "control/units.hpp"
#include "tools/report/numbers.hpp"

/// Numbers for people.
namespace dynavg::cli {

using control::bytes_text;
using report::grouped;
/// 350 ms, 12 s, 3 min 05 s, 2 h 07 min, 3 d 04 h. Rounded down.
[[nodiscard]] std::string duration_text(double seconds);

/// The reverse: "2000", "500k", "2M", "1.5G"; "none" is 0. None if it is nothing of that, or 1 TB
/// and more.
[[nodiscard]] std::optional<std::uint64_t> bytes_from_text(const std::string& text);

}  // namespace dynavg::cli
