#include "tools/report/points_to_draw.hpp"

#include <algorithm>
#include <cmath>

namespace dynavg::report {

std::vector<std::size_t> points_to_draw(const std::vector<double>& values, std::size_t spans) {
    std::vector<std::size_t> kept;
    const std::size_t count = values.size();
    if (count <= 2 * spans + 2) {
        for (std::size_t i = 0; i < count; ++i) kept.push_back(i);
        return kept;
    }
    kept.push_back(0);
    for (std::size_t span = 0; span < spans; ++span) {
        const std::size_t begin = count * span / spans;
        const std::size_t end = count * (span + 1) / spans;
        std::size_t least = count;
        std::size_t most = count;
        for (std::size_t i = begin; i < end; ++i) {
            if (!std::isfinite(values[i])) continue;
            if (least == count || values[i] < values[least]) least = i;
            if (most == count || values[i] > values[most]) most = i;
        }
        for (const std::size_t i : {std::min(least, most), std::max(least, most)}) {
            if (i < count && i > kept.back()) kept.push_back(i);
        }
    }
    if (kept.back() + 1 != count) kept.push_back(count - 1);
    return kept;
}

}  // namespace dynavg::report
