#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"

namespace dynavg::daemon {

/// The changes in a file that was read again, for a daemon that runs: names of keys, in the order
/// of the documentation.
struct ReloadPlan {
    std::vector<std::string> apply;          ///< Differ, and can be changed while it runs.
    std::vector<std::string> needs_restart;  ///< Differ, and can't.
};

/// `running` is the configuration in force. If the file has no table `[averaging]`, settings that
/// the daemon learned from the network or found in its state folder are no difference. Pure.
[[nodiscard]] ReloadPlan plan_reload(const config::Config& running, const config::Config& read);

}  // namespace dynavg::daemon
