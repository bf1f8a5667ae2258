#pragma once

#include <set>
#include <vector>

#include "config/config.hpp"
#include "discovery/seeds.hpp"

namespace dynavg::daemon {

/// Where the configuration says that peers are, with their keys.
[[nodiscard]] std::vector<discovery::Seed> configured_seeds(const config::Config& config);

/// The keys that it lets in: those of `peers` and of `trusted_peers`.
[[nodiscard]] std::set<protocol::PeerId> configured_keys(const config::Config& config);

}  // namespace dynavg::daemon
