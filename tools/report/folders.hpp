#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"
#include "tools/report/run.hpp"

/// The only file of this folder that reads from a disk or writes to it.
namespace dynavg::report {

/// The runs in these folders and in all folders below them, in the order of their paths; each once.
/// A folder is a run's if it has one of its files. Links to folders are not followed. Fails if one
/// of the given folders can't be read or has no run in it.
[[nodiscard]] Expected<std::vector<Run>, Error> read_runs(
    const std::vector<std::filesystem::path>& folders);

/// Replaces the file as a whole: a reader never sees half of it.
[[nodiscard]] Expected<void, Error> write_file(const std::filesystem::path& file,
                                               const std::string& text);

}  // namespace dynavg::report
