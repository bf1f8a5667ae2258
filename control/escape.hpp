#pragma once

#include <string>
#include <string_view>

namespace dynavg::control {

/// For a terminal or a line of a log: control characters, and bytes that are no UTF-8, become \n,
/// \t, \xHH. A text from others can then neither forge lines nor steer a terminal.
[[nodiscard]] std::string escaped(std::string_view text);

/// Characters (code points) of UTF-8, for columns.
[[nodiscard]] std::size_t characters(std::string_view text);

}  // namespace dynavg::control
