#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dynavg::config {

/// Letters to insert, delete, replace or swap with their neighbour to make `b` of `a`.
[[nodiscard]] std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that was probably meant; none if nothing is near.
[[nodiscard]] std::optional<std::string> nearest(std::string_view word,
                                                 std::span<const std::string> candidates);

}  // namespace dynavg::config
