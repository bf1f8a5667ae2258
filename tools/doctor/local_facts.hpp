#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "tools/doctor/facts.hpp"

/// The facts about this machine. Each call blocks for as long as the file system does.
namespace dynavg::doctor {

/// `daemon_pid`: of the daemon that answers.
[[nodiscard]] std::vector<PortFacts> look_at_ports(const config::Config& config,
                                                   std::optional<std::int64_t> daemon_pid);

/// Run by root, this process becomes for good the user to whom the folder belongs: so it sees what
/// the daemon sees, and makes no file that the daemon cannot use. Returns the user's name. Without
/// such a folder, or run by anybody else, nothing changes.
[[nodiscard]] std::string become_owner_of(const std::filesystem::path& folder);

[[nodiscard]] KeyFacts look_at_keys(const config::Config& config);
[[nodiscard]] std::optional<std::uint64_t> free_bytes(const std::filesystem::path& folder);
/// Files of the libraries of this process, links resolved.
[[nodiscard]] std::vector<std::string> loaded_libraries();

}  // namespace dynavg::doctor
