#pragma once

#include <cstddef>
#include <filesystem>
#include <memory>

#include "protocol/base/expected.hpp"
#include "training/data/dataset.hpp"

namespace dynavg::training {

inline constexpr ImageShape kCifar10Shape{3, 32, 32};

/// More pictures than this in one set are refused: 3 GB.
inline constexpr std::size_t kCifar10SamplesMax = 1'000'000;

/// Reads CIFAR-10's binary version (Krizhevsky 2009) from a directory: records of one label byte
/// and 3 x 32 x 32 pixel bytes, planes red, green, blue, rows from the top. The training part is
/// every data_batch_*.bin that is there, in the order of their numbers; the test part is
/// test_batch.bin. Each plain or gzipped, with or without ".gz" in its name.
///
/// Nothing in the files is believed: memory grows with the bytes that are really there, and each
/// defect is an Error that names the file, the defect and the remedy.
[[nodiscard]] Expected<std::shared_ptr<const Dataset>, Error> read_cifar10_directory(
    const std::filesystem::path& directory, DataPart part);

}  // namespace dynavg::training
