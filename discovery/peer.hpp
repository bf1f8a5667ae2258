#pragma once

#include <string>

#include "discovery/backoff.hpp"
#include "discovery/clock_skew.hpp"
#include "discovery/failure_detector.hpp"
#include "protocol/core/peer_view.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::discovery {

/// pending: we accepted its Hello; it has not answered ours yet. Dialed; not in the view. Ends as
///   live by its HelloReply, or is erased after kPendingDialsMax dials.
/// live: each has accepted the other, and it is heard.
/// suspected: silent for longer than its timeout. In the view, dialed; live again when heard.
/// left: it said goodbye. In the view, dialed; comes back with a newer incarnation, or if it still
///   answers after kLeftGrace (the goodbye was a late one of its former life).
/// forgotten: neither live for kForgetAfter. Not in the view; dialed rarely, or more often when
///   nobody is live; the first to go when room is needed.
enum class PeerState { pending, live, suspected, left, forgotten };

/// The knowledge of one peer that passed the handshake.
struct Peer {
    PeerState state = PeerState::pending;
    protocol::PeerInfo info{};
    protocol::Endpoints endpoints{};
    FailureDetector detector;
    protocol::SequenceNumber last_heartbeat{};
    bool heard_heartbeat = false;
    PeerClock clock{};
    Backoff dialing;
    protocol::Instant next_dial{};
    unsigned dials = 0;
    /// The address that it tells since it has restarted: dialed, and hung up unless the peer is
    /// there.
    std::string called_at{};
    /// The address of its life before this one, if another, and whether that life was heard at the
    /// move.
    std::string former_address{};
    bool moved_while_heard = false;
    protocol::Instant next_word_to_former{};
    protocol::Instant state_since{};
    protocol::Instant next_peers_reply{};
    std::string join_reason;
    std::size_t view_index = 0;  ///< Valid while in_view().

    [[nodiscard]] bool in_view() const {
        return state == PeerState::live || state == PeerState::suspected ||
               state == PeerState::left;
    }
};

}  // namespace dynavg::discovery
