#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "protocol/base/expected.hpp"

namespace dynavg::identity {

enum class Replace { no, yes };

/// Writes a file that only the folder's owner can read, as a whole (posix::replace_file). The
/// folder is made if need be, readable by its owner only. Replace::no: a file that is there stays,
/// and that is no error.
[[nodiscard]] Expected<void, Error> write_private_file(const std::filesystem::path& file,
                                                       std::string_view text, Replace replace);

/// Nothing if it is not there. Errors: it cannot be read, is longer than `bytes_max`, or others
/// than its owner may read it.
[[nodiscard]] Expected<std::optional<std::string>, Error> read_private_file(
    const std::filesystem::path& file, std::size_t bytes_max);

}  // namespace dynavg::identity
