#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::discovery {

/// The shell's name for a connection that others opened to us: ZeroMQ's routing id, in the
/// simulator the sender's address. Opaque.
using ConnectionId = std::string;

/// The peer that the keys of a connection prove at its other end; nothing in a network without
/// keys, where every peer is believed.
using ProvenPeer = std::optional<protocol::PeerId>;

/// Open a direct connection to this address unless there is one, and say Hello over it. Repeated
/// until answered: the shell retries nothing by itself.
struct Dial {
    std::string address;
    /// The peer that is expected there, if known: its key is needed to dial it.
    std::optional<protocol::PeerId> peer;
    bool operator==(const Dial&) const = default;
};

/// Answer a Hello over the connection that it came by.
struct Reply {
    ConnectionId connection;
    protocol::HelloReply message;
};

/// Try these addresses of a peer, which has asked for it, and report to Node::on_dialed_back().
/// Makes no connection that lasts.
struct DialBack {
    ConnectionId connection;
    protocol::PeerId peer;
    protocol::Endpoints endpoints;
};

/// Both sides have accepted each other: subscribe to its gossip, keep a direct and a bulk
/// connection to it. May be repeated for a connected peer: other endpoints then replace the old.
struct Connect {
    protocol::PeerId peer;
    protocol::Endpoints endpoints;
    std::string name;
    /// The peer was silent and is reached again: connections that do not evidently work are made
    /// anew. A transport by itself notices late that the other end is back, the later the longer it
    /// was away.
    bool renew = false;
};

/// A peer that has joined tells of others, whose keys are not trusted here.
struct Told {
    protocol::PeerId teller;
    std::vector<protocol::KnownPeer> peers;
};

/// The shell's orders, to be carried out in the order of the members.
struct Actions {
    /// A joiner without settings of its own has learned the network's: "averaging." fields only.
    /// Comes once, before the first Connect.
    std::optional<protocol::NetworkFields> network_fields;
    /// Close everything that belongs to these peers.
    std::vector<protocol::PeerId> disconnects;
    /// Dialed addresses that need no connection any more (nobody there, oneself, refused, known by
    /// another address); a later Dial opens a new one.
    std::vector<std::string> hangups;
    std::vector<Dial> dials;
    std::vector<Reply> replies;
    std::vector<Connect> connects;
    /// Over the peer's direct connection.
    std::vector<std::pair<protocol::PeerId, protocol::Message>> sends;
    std::vector<protocol::Event> events;
    /// Peers to be trusted or not (Membership::set_trusted, then on_told); any other one is
    /// forgotten.
    std::vector<Told> told;
    /// Keep these for the next start: all that have been met and have not left. Never empty.
    std::optional<protocol::KnownPeers> known_peers;
    /// A later life of this node runs at another address, and an event says so: the network goes on
    /// with that one. Nothing else is to be done. No goodbye may be said: others would take it for
    /// the later life's.
    bool replaced = false;
    /// Publish a Heartbeat now.
    bool heartbeat_due = false;
    /// When to call on_tick(); earlier is allowed, later counts as this process's own lateness.
    protocol::Instant next_tick = protocol::kNever;
};

}  // namespace dynavg::discovery
