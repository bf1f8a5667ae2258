#pragma once

#include <algorithm>

#include "discovery/bounds.hpp"
#include "discovery/membership.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
using dynavg::protocol::Header;
using dynavg::protocol::Heartbeat;
using dynavg::protocol::Hello;
using dynavg::protocol::HelloReply;
using dynavg::protocol::Incarnation;
using dynavg::protocol::KnownPeer;
using dynavg::protocol::PeersReply;
using dynavg::protocol::SequenceNumber;

inline HelloReply accepting(const Hello& hello) {
    return {hello, {}, {}};
}

/// A Membership of node 0 with node 1 joined at time 0.
struct Joined {
    Membership membership{options_of(0), at(0s)};
    Hello peer = hello_of(options_of(1));
    std::uint64_t sequence = 0;

    Joined() {
        membership.on_hello_reply(address_of(1), accepting(peer), at(0s));
        (void)membership.take_actions();
    }
    void beat(Instant now) { beat(++sequence, now); }
    void beat(std::uint64_t number, Instant now) {
        Header header;
        header.sequence = SequenceNumber(number);
        Heartbeat heartbeat;
        heartbeat.incarnation = peer.member.incarnation;
        heartbeat.steps = number;
        heartbeat.address = peer.endpoints.direct;
        membership.on_heartbeat(id_of(1), header, heartbeat, now);
    }
    /// Serves every due tick until `end`.
    Actions run(Instant end) {
        Actions all = membership.take_actions();
        Instant next = all.next_tick;
        while (next <= end) {
            membership.on_tick(next);
            Actions some = membership.take_actions();
            next = some.next_tick;
            all.dials.insert(all.dials.end(), some.dials.begin(), some.dials.end());
            all.events.insert(all.events.end(), some.events.begin(), some.events.end());
            all.hangups.insert(all.hangups.end(), some.hangups.begin(), some.hangups.end());
            all.disconnects.insert(all.disconnects.end(), some.disconnects.begin(),
                                   some.disconnects.end());
            all.sends.insert(all.sends.end(), some.sends.begin(), some.sends.end());
            all.replaced |= some.replaced;
        }
        return all;
    }
    [[nodiscard]] const dynavg::protocol::PeerInfo& info() const {
        return membership.view().peers.at(0);
    }
};

inline bool has(const std::vector<Event>& events, std::string_view name) {
    return std::any_of(events.begin(), events.end(),
                       [&](const Event& event) { return event.name == name; });
}
