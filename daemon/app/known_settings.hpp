#pragma once

#include "config/config.hpp"
#include "storage/disk.hpp"

namespace dynavg::daemon {

/// The averaging settings that an earlier life learned from its network are in the state folder:
/// for a configuration that leaves the table [averaging] out.
void take_known_settings(const storage::Disk& disk, config::Config& config);

}  // namespace dynavg::daemon
