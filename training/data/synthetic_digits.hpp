#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "training/data/dataset.hpp"

namespace dynavg::training {

/// The data set that needs no download: ten digits drawn as strokes, 28 x 28, each with its own
/// rotation, shift, scale, shear, thickness, brightness, noise and, often, strokes that belong to
/// no digit. Too hard for a linear model (below 95 % of the test part), easy for LeNet-5 (above
/// 97 % in four epochs of 20,000 samples).
///
/// Sample i is a function of (seed, part, i) alone, computed with + - * / and sqrt: the same bytes
/// on every machine, and fewer samples are the beginning of more. Cost: some 20 us a sample.
[[nodiscard]] std::shared_ptr<const Dataset> synthetic_digits(std::uint64_t seed, DataPart part,
                                                              std::size_t samples);

}  // namespace dynavg::training
