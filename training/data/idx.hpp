#pragma once

#include <filesystem>
#include <memory>

#include "protocol/base/expected.hpp"
#include "training/data/dataset.hpp"

namespace dynavg::training {

/// Reads one pair of IDX files (the format of MNIST), plain or gzipped whatever their names say.
/// Ten classes. Nothing in the files is believed: memory grows with the bytes that are really
/// there, and each defect is an Error that names the file, the defect and the remedy.
[[nodiscard]] Expected<std::shared_ptr<const Dataset>, Error> read_idx(
    const std::filesystem::path& images, const std::filesystem::path& labels);

/// The same for a directory with MNIST's usual names: train-images-idx3-ubyte,
/// train-labels-idx1-ubyte, t10k-..., each with or without ".gz".
[[nodiscard]] Expected<std::shared_ptr<const Dataset>, Error> read_idx_directory(
    const std::filesystem::path& directory, DataPart part);

}  // namespace dynavg::training
