#pragma once

#include <cstddef>
#include <vector>

namespace dynavg::report {

/// Chooses the values to draw: all if they are few, else the first, the last, and of each of
/// `spans` equal spans the least and the greatest. So the drawn curve has the shape of the whole.
/// Rising indices, at most 2 x spans + 2.
[[nodiscard]] std::vector<std::size_t> points_to_draw(const std::vector<double>& values,
                                                      std::size_t spans);

}  // namespace dynavg::report
