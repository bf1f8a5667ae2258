#pragma once

#include <string_view>

#include "config/config.hpp"

namespace dynavg::daemon {

/// The folders that systemd makes for a unit and names in $STATE_DIRECTORY and $RUNTIME_DIRECTORY
/// are the defaults of `node.state_dir` and of the folder of `node.control`: so units of one
/// template need no paths in their files. What a file says counts; empty, or several with colons
/// between, is no folder.
void use_service_folders(config::Config& config, std::string_view state, std::string_view runtime);

/// The same with this process's environment.
void use_service_folders(config::Config& config);

}  // namespace dynavg::daemon
