#pragma once

#include <cstddef>
#include <vector>

namespace dynavg::report {

/// Which of so many values to draw: all if they are few, else the first, the last, and of each of
/// `spans` equal spans the least and the greatest. What is drawn has the shape of what is not.
/// Rising indices, at most 2 x spans + 2.
[[nodiscard]] std::vector<std::size_t> points_to_draw(const std::vector<double>& values,
                                                      std::size_t spans);

}  // namespace dynavg::report
