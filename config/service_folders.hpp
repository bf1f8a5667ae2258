#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace dynavg::config {

/// Where a unit has what is its own: dynavgd@NAME.service, or dynavgd.service for an empty name.
struct ServicePaths {
    std::filesystem::path config;
    std::filesystem::path state;
    std::filesystem::path control;
};
[[nodiscard]] ServicePaths service_paths(const std::string& instance);

/// The defaults of `node.state_dir` and `node.control` for a node with this configuration file: of
/// /etc/dynavg/NAME.toml they are those of dynavgd@NAME.service, so that no such file need name
/// paths. A path that the file names counts before these.
void use_service_folders(Config& config, const std::filesystem::path& file);

/// The folders that systemd makes for a unit and names in $STATE_DIRECTORY and $RUNTIME_DIRECTORY
/// are such defaults too, before any others. Empty, or several with colons between, is no folder.
void use_given_folders(Config& config, std::string_view state, std::string_view runtime);
/// The same with this process's environment.
void use_given_folders(Config& config);

}  // namespace dynavg::config
