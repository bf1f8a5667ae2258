// The part of Membership that knows one identity in two places.
#include <utility>

#include <fmt/format.h>

#include "discovery/bounds.hpp"
#include "discovery/handshake.hpp"
#include "discovery/membership.hpp"

namespace dynavg::discovery {

using protocol::Event;
using protocol::FieldDifference;
using protocol::Hello;
using protocol::HelloReply;
using protocol::Level;

/// Where a later life of that peer is, for the one that is refused: it can see for itself.
std::vector<protocol::KnownPeer> Membership::later_life_of(const Hello& hello) const {
    const auto found = m_peers.find(hello.member.id);
    if (found == m_peers.end()) return {};
    const Peer& known = found->second;
    const bool later = hello.member.incarnation < known.info.member.incarnation;
    if (!later || known.endpoints.direct == hello.endpoints.direct) return {};
    return {{hello.member.id, known.endpoints.direct}};
}

/// Nobody is believed that says so: the address is dialed, and only what answers there with this
/// node's own identity proves it.
void Membership::look_for_own_later_life(PeerId teller,
                                         const std::vector<protocol::KnownPeer>& told) {
    for (const protocol::KnownPeer& peer : told) {
        const bool own = peer.id == m_hello.member.id;
        if (own && peer.address != m_hello.endpoints.direct) m_learned.learn(teller, peer);
    }
}

void Membership::replaced(const Hello& by) {
    if (std::exchange(m_actions.replaced, true)) return;
    m_actions.events.push_back(
        Event("replaced", Level::error,
              fmt::format("This node, {} at {}, was started once more, at {}: the network goes on "
                          "with that start and hears this one no more, so this one ends. {}.",
                          display_name(m_hello.name, m_hello.member.id), m_hello.endpoints.direct,
                          by.endpoints.direct, duplicate_advice(m_options.trusted.has_value())))
            .with("address", by.endpoints.direct));
}

void Membership::on_former_life(const ConnectionId& connection, PeerId from, Instant now) {
    observe_time(now);
    Peer* peer = find(from);
    // At one address there is one life: its former one is gone, and this was a late word of it.
    if (peer == nullptr || peer->former_address.empty() || now < peer->next_word_to_former) return;
    peer->next_word_to_former = now + kFormerLifeWordInterval;
    HelloReply reply;
    reply.hello = m_hello;
    reply.differences = {in_two_places(peer->info.name, peer->former_address, *peer)};
    reply.peers = {{from, peer->endpoints.direct}};
    cut_to_limits(reply.differences);
    m_actions.replies.push_back(Reply{connection, std::move(reply)});
}

FieldDifference Membership::in_two_places(const std::string& name, const std::string& address,
                                          const Peer& known) const {
    return {m_options.trusted ? kKeyField : kNameField, fmt::format("{} at {}", name, address),
            fmt::format("{} at {}", known.info.name, known.info.address)};
}

Membership::Differences Membership::differences_of_probe(const Hello& hello) const {
    Differences differences = compare(m_hello, hello);
    const auto found = m_peers.find(hello.member.id);
    if (found == m_peers.end()) return differences;
    const Peer& known = found->second;
    if (known.state == PeerState::live && known.endpoints.direct != hello.endpoints.direct) {
        differences.push_back(in_two_places(hello.name, hello.endpoints.direct, known));
    }
    return differences;
}

/// A peer that was heard at one address and comes from another has moved, or runs twice.
void Membership::report_joined(const Peer& peer) {
    const std::string name = display_name(peer.info.name, peer.info.member.id);
    const char* as = peer.info.role == protocol::Role::observer ? " as an observer" : "";
    const bool moved = peer.moved_while_heard && peer.join_reason == "restarted";
    Event event("peer_joined", moved ? Level::warning : Level::info,
                moved ? fmt::format("{} has joined{} from {}, and was heard from {} before. If it "
                                    "has not moved: {}.",
                                    name, as, peer.info.address, peer.former_address,
                                    duplicate_advice(m_options.trusted.has_value()))
                      : fmt::format("{} has joined{}.", name, as));
    event.with("peer", name).with("address", peer.info.address).with("reason", peer.join_reason);
    if (moved) event.with("former_address", peer.former_address);
    m_actions.events.push_back(std::move(event));
}

}  // namespace dynavg::discovery
