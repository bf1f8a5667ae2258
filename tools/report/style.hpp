#pragma once

#include <cstddef>
#include <string_view>

namespace dynavg::report {

/// Colours of series: the palette of Okabe and Ito, which people with any colour vision can tell
/// apart, without its yellow, too faint for lines.
constexpr std::size_t kColours = 7;
/// Where there are more series than colours, dashes tell them apart.
constexpr std::size_t kDashes = 4;

/// The style sheet of a report: light or dark as the reader's system is, and light on paper.
[[nodiscard]] std::string_view page_style();

}  // namespace dynavg::report
