#include "training/kernels/sketch_kernel.hpp"

#include <array>

#include "protocol/base/check.hpp"
#include "training/kernels/sketch_hash.hpp"

namespace dynavg::training {

bool is_supported(protocol::SketchShape shape) {
    return shape.columns == kSketchColumns && shape.rows >= 1 && shape.rows <= kSketchRowsMax;
}

double drift_norm_and_sketch(std::span<const float> w, std::span<const float> reference,
                             protocol::SketchShape shape, std::uint64_t seed,
                             std::span<float> out) {
    DYNAVG_CHECK(is_supported(shape));
    DYNAVG_CHECK(w.size() == reference.size());
    DYNAVG_CHECK(out.size() == shape.rows * kSketchColumns);
    std::array<std::uint64_t, kSketchRowsMax> keys{};
    for (std::size_t row = 0; row < shape.rows; ++row) keys[row] = sketch_row_key(seed, row);
    alignas(64) std::array<float, kSketchRowsMax * kSketchRowWidth> rows{};
    const double squared_norm = lane_kernels().norm_and_sketch(
        w.data(), reference.data(), w.size(), keys.data(), shape.rows, rows.data());
    for (std::size_t row = 0; row < shape.rows; ++row) {
        const float* unwrapped = rows.data() + row * kSketchRowWidth;
        for (std::size_t i = 0; i < kSketchColumns; ++i) {
            out[row * kSketchColumns + i] = unwrapped[i] + unwrapped[kSketchColumns + i];
        }
    }
    return squared_norm;
}

}  // namespace dynavg::training
