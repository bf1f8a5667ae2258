#pragma once

#include <filesystem>
#include <string>

#include "config/config.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/reference/reference.hpp"

/// The reference, for other programs: out of a state folder, and into a file that they read.
namespace dynavg::assembly {

/// The newest reference in a state folder, whether its daemon runs or not. Averaging settings are
/// taken from the folder. Fails if the folder can't be read, holds no reference yet, or is of
/// another network or model than `config`. Cost: memory for the model.
[[nodiscard]] Expected<protocol::ReferencePointer, Error> read_kept_reference(
    const config::Config& config, const std::filesystem::path& state_dir);

/// A file's name says its format. Fails with what it may end in.
[[nodiscard]] Expected<void, Error> check_export_name(const std::filesystem::path& path);

/// Makes or replaces `path`, as a whole (posix::replace_file). `reference` is of the model of
/// `config`; `version` is this build's; the file tells it.
[[nodiscard]] Expected<void, Error> write_reference(const std::filesystem::path& path,
                                                    const config::Config& config,
                                                    const protocol::Reference& reference,
                                                    const std::string& version);

}  // namespace dynavg::assembly
