#pragma once

#include <limits>

#include "protocol/base/limits.hpp"
#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"

namespace dynavg::protocol {

constexpr std::uint64_t kNoBound = std::numeric_limits<std::uint64_t>::max();

inline CoreDriver free_pair() {
    return CoreDriver({.averaging = norm_settings(), .others = peers({1})});
}

inline CoreDriver lockstep_trio(std::uint64_t check_every = 1) {
    AveragingSettings settings = norm_settings(Pace::lockstep);
    settings.check_every = check_every;
    return CoreDriver({.averaging = settings, .others = peers({1, 2}), .start_peers = 3});
}

/// The handshake is complete, and nothing more was heard of this peer.
inline void join_unheard(CoreDriver& driver, int number) {
    PeerInfo info = driver.info_of(peer(number));
    info.reference = {};
    info.joined_at = driver.now;
    driver.view.peers.push_back(info);
}

inline CoreDriver with_an_unheard_third() {
    CoreDriver driver = free_pair();
    join_unheard(driver, 2);
    driver.look();
    return driver;
}

/// The others are done, with this much drift behind them.
inline void finish_others(CoreDriver& driver, std::uint64_t steps_since_reference) {
    for (PeerInfo& other : driver.view.peers) {
        other.done = true;
        other.steps_since_reference = steps_since_reference;
        other.reference = driver.core.reference()->id;
    }
}

}  // namespace dynavg::protocol
