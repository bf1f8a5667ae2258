#pragma once

#include <string>
#include <string_view>

#include "protocol/base/expected.hpp"

/// Changes to a configuration's text that leave comments and all other lines as they are.
namespace dynavg::config {

/// The text with `key` ("node.network") set to `value`, which is written as TOML. A line that sets
/// the key, or else the first comment that shows it ("# network = ..."), is replaced; without one
/// the key becomes the first line of its table, and a table that is missing comes last. Only keys
/// of one line are understood: an error says which line to change by hand.
[[nodiscard]] Expected<std::string, Error> set_key(std::string_view text, std::string_view key,
                                                   std::string_view value);

/// Without a table's header, if nothing but comments follows it: as if it were absent.
[[nodiscard]] std::string without_empty_table(std::string_view text, std::string_view table);

/// The commented default configuration, as it is installed: every key at its default.
[[nodiscard]] std::string_view default_text();

}  // namespace dynavg::config
