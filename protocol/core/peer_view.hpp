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

/// Discovery's knowledge of one other peer that has joined (completed the handshake).
struct PeerInfo {
    Member member;
    std::string name;
    std::string address;
    /// Heard within its suspicion timeout, and has not said goodbye.
    bool live = false;
    /// When the handshake was complete.
    Instant joined_at;
    Instant last_heard;
    /// How long it may be silent before it is suspected; learned.
    Duration suspicion_timeout{};
    ReferenceId reference;  ///< Of its last heartbeat, as the members below.
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    Duration step_time{};
    bool done = false;
    bool leaving = false;
    LockstepPosition position = LockstepPosition::not_started;
    float weight = 1;
    Incarnation remembers;  ///< See RoundState.
    Role role = Role::member;

    /// No heartbeat has told yet how far the peer is.
    [[nodiscard]] bool is_unheard() const { return reference == ReferenceId{}; }
};

/// All other peers, sorted by member. Discovery makes it, the core decides with its members.
struct PeerView {
    std::vector<PeerInfo> peers;
};

[[nodiscard]] inline bool has_observers(const PeerView& view) {
    return std::any_of(view.peers.begin(), view.peers.end(),
                       [](const PeerInfo& peer) { return peer.role == Role::observer; });
}

/// Without the observers: the peers that a core may be told of.
[[nodiscard]] inline PeerView members_of(PeerView view) {
    std::erase_if(view.peers, [](const PeerInfo& peer) { return peer.role == Role::observer; });
    return view;
}

}  // namespace dynavg::protocol
