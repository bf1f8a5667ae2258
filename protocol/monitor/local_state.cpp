#include "protocol/monitor/local_state.hpp"

#include <algorithm>
#include <cmath>

#include "protocol/base/check.hpp"

namespace dynavg::protocol {

double squared_norm_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * static_cast<double>(value);
    }
    return sum;
}

bool is_valid(const LocalState& state, std::size_t expected_values) {
    return state.values.size() == expected_values && std::isfinite(state.squared_norm) &&
           state.squared_norm >= 0 &&
           std::all_of(state.values.begin(), state.values.end(),
                       [](float value) { return std::isfinite(value); });
}

double sketch_squared_norm(SketchShape shape, std::span<const float> sketch) {
    DYNAVG_CHECK(shape.rows > 0 && sketch.size() == std::size_t{shape.rows} * shape.columns);
    std::vector<double> rows(shape.rows);
    for (std::size_t row = 0; row < rows.size(); ++row) {
        rows[row] = squared_norm_of(sketch.subspan(row * shape.columns, shape.columns));
    }
    std::sort(rows.begin(), rows.end());
    const std::size_t middle = rows.size() / 2;
    return rows.size() % 2 == 1 ? rows[middle] : (rows[middle - 1] + rows[middle]) / 2;
}

}  // namespace dynavg::protocol
