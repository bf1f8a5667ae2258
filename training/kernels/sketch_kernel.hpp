#pragma once

#include <cstdint>
#include <span>

#include "protocol/monitor/local_state.hpp"
#include "training/kernels/lane_kernels.hpp"

namespace dynavg::training {

/// Rows that a sketch may have.
inline constexpr std::size_t kSketchRowsMax = 16;

/// Whether the kernel below has this shape: 1 to kSketchRowsMax rows of kSketchColumns.
[[nodiscard]] bool is_supported(protocol::SketchShape shape);

/// AMS sketch of the drift u = w - reference into `out` (rows x columns, row by row), and ||u||^2.
///
/// u is cut into blocks of 256 consecutive coordinates. Per block and row a rotation, uniform over
/// the 256 columns, and one sign per coordinate are drawn from (seed, row, block) by exact integer
/// arithmetic; the signed block is added to the row at that rotation. Two coordinates of one block
/// never share a column, two of different blocks do with probability 1/256: E[M2] = ||u||^2 and
/// the variance is at most that of the sketch of FDA, Theorem 3.1. Linear in u but for rounding.
/// Peers whose states are to be averaged use one seed.
///
/// One pass over both arrays; the same bits on every x86-64 machine.
[[nodiscard]] double drift_norm_and_sketch(std::span<const float> w,
                                           std::span<const float> reference,
                                           protocol::SketchShape shape, std::uint64_t seed,
                                           std::span<float> out);

}  // namespace dynavg::training
