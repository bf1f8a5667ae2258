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

/// `running` is as the daemon runs: settings of `[averaging]` that it has from elsewhere than its
/// file (the network, its state folder) are no difference where the file has no such table. Pure.
[[nodiscard]] ReloadPlan plan_reload(const config::Config& running, const config::Config& read);

}  // namespace dynavg::daemon
