#pragma once

#include <set>
#include <vector>

#include "config/config.hpp"
#include "discovery/seeds.hpp"

namespace dynavg::daemon {

/// The addresses of peers in the configuration, with their keys.
[[nodiscard]] std::vector<discovery::Seed> configured_seeds(const config::Config& config);

/// The keys that the configuration lets in: those of `peers` and of `trusted_peers`.
[[nodiscard]] std::set<protocol::PeerId> configured_keys(const config::Config& config);

}  // namespace dynavg::daemon
