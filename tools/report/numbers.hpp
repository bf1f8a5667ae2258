#pragma once

#include <cstdint>
#include <string>
#include <string_view>

/// Numbers for people, and texts for HTML.
namespace dynavg::report {

/// 61,706
[[nodiscard]] std::string grouped(std::uint64_t number);
/// A median of whole numbers: 36, 1,250, 36.5; rounded to halves.
[[nodiscard]] std::string count_text(double number);
/// Three digits and powers of 1000: 999 B, 1.2 kB, 178 MB.
[[nodiscard]] std::string bytes_text(double bytes);
/// At most four digits: 3, 0.5, 1.25e+09, inf.
[[nodiscard]] std::string number_text(double number);
/// 99 %, 98.5 %
[[nodiscard]] std::string percent_text(double share);
/// How many times as much: 0.97x, 8.5x, 104x.
[[nodiscard]] std::string ratio_text(double ratio);

/// For element text and quoted attributes. Bytes that are no UTF-8, and control characters, are
/// shown as \xHH.
[[nodiscard]] std::string html(std::string_view text);

}  // namespace dynavg::report
