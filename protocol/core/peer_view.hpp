#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/base/lockstep_position.hpp"
#include "protocol/base/role.hpp"

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
    LockstepPosition position = LockstepPosition::not_started;
    float weight = 1;
    Incarnation remembers;  ///< See RoundState.
    Role role = Role::member;
};

/// All other peers, sorted by member. Discovery makes it, the core decides with its members.
struct PeerView {
    std::vector<PeerInfo> peers;
};

[[nodiscard]] inline bool has_observers(const PeerView& view) {
    return std::any_of(view.peers.begin(), view.peers.end(),
                       [](const PeerInfo& peer) { return peer.role == Role::observer; });
}

/// Without the observers: whom a core may be told of.
[[nodiscard]] inline PeerView members_of(PeerView view) {
    std::erase_if(view.peers, [](const PeerInfo& peer) { return peer.role == Role::observer; });
    return view;
}

}  // namespace dynavg::protocol
