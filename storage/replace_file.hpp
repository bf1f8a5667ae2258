#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

#include "protocol/base/expected.hpp"

namespace dynavg::storage {

/// All bytes, however many calls it takes; else errno.
[[nodiscard]] int write_fully(int descriptor, std::span<const std::byte> bytes);

/// Makes or replaces a file that other programs read, anywhere: written beside it under a temporary
/// name (".NAME.new"), synchronised, renamed. So who opens `path` finds the old file or the new
/// one, whole, also after a loss of power. One writer at a time: a second one is refused. Its mode
/// is what the umask leaves of 0666. Blocks until the disk has answered. An Error says which path,
/// the system's reason, and what to do; then nothing is left behind.
[[nodiscard]] Expected<void, Error> replace_file(const std::filesystem::path& path,
                                                 std::span<const std::span<const std::byte>> parts);

}  // namespace dynavg::storage
