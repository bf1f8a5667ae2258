#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "protocol/ids.hpp"
#include "protocol/instant.hpp"
#include "protocol/standing.hpp"

namespace dynavg::protocol {

/// What discovery knows of one other peer that has joined (completed the handshake).
struct PeerInfo {
    Member member;
    std::string name;
    std::string address;
    /// Heard within its suspicion timeout, and has not said goodbye.
    bool live = false;
    Instant last_heard;
    /// How long it may be silent before it is suspected; learned.
    Duration suspicion_timeout{};
    ReferenceId reference;  ///< Of its last heartbeat, as what follows.
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    Duration step_time{};
    bool done = false;
    bool leaving = false;
    Standing standing = Standing::not_started;
    float weight = 1;
    Incarnation remembers;  ///< See RoundState.
};

/// All other peers, sorted by member. Discovery makes it, the core decides with it.
struct PeerView {
    std::vector<PeerInfo> peers;
};

}  // namespace dynavg::protocol
