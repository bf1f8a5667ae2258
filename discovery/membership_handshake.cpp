// The part of Membership that admits, refuses and joins peers.
#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "discovery/bounds.hpp"
#include "discovery/handshake.hpp"
#include "discovery/membership.hpp"
#include "discovery/refusal_advice.hpp"

namespace dynavg::discovery {

using protocol::Event;
using protocol::FieldDifference;
using protocol::Hello;
using protocol::HelloReply;
using protocol::Level;

namespace {

bool same_life(const Hello& a, const Hello& b) {
    return a.member == b.member && a.endpoints == b.endpoints;
}

}  // namespace

void Membership::on_hello(const ConnectionId& connection, const Hello& hello, Instant now) {
    observe_time(now);
    HelloReply reply;
    if (same_life(hello, m_hello)) {
        // Our own, through a seed that is ourselves; the reply tells.
        reply.hello = m_hello;
        m_actions.replies.push_back(Reply{connection, std::move(reply)});
        return;
    }
    Differences differences = objections(hello);
    if (differences.empty()) {
        if (admit(hello, now) != nullptr) {
            take_fields(hello, now);
            m_learned.rest(hello.endpoints.direct, now);
            reply.peers = live_peers(hello.member.id);
        } else {
            differences.push_back(
                {kRoomField, "one more", fmt::format("{}", protocol::limits::kPeersMax)});
        }
    }
    if (!differences.empty()) {
        reply.peers = later_life_of(hello);
        refused(RefusedBy::us, hello, hello.endpoints.direct, differences, now);
    }
    reply.hello = m_hello;
    reply.differences = std::move(differences);
    cut_to_limits(reply.differences);
    m_actions.replies.push_back(Reply{connection, std::move(reply)});
}

void Membership::on_hello_reply(const std::string& dialed_address, const HelloReply& reply,
                                Instant now) {
    observe_time(now);
    const Hello& hello = reply.hello;
    if (hello.member.id == m_hello.member.id) return on_own_reply(dialed_address, reply, now);
    const PeerId id = hello.member.id;
    if (const Peer* known = find(id);
        known != nullptr && hello.member.incarnation < known->info.member.incarnation) {
        return;  // Late word from a former life.
    }
    const RefusedBy side = reply.differences.empty() ? RefusedBy::us : RefusedBy::them;
    const Differences differences =
        reply.differences.empty() ? objections(hello) : swap_sides(reply.differences);
    if (!differences.empty()) {
        m_seeds.on_refused(dialed_address, now);
        m_learned.on_refused(dialed_address, now);
        refused(side, hello, dialed_address, differences, now);
        look_for_own_later_life(id, reply.peers);
        return hang_up(dialed_address);
    }
    m_learned.rest(dialed_address, now);
    m_learned.rest(hello.endpoints.direct, now);
    Peer* peer = admit(hello, now);
    if (peer == nullptr) return hang_up(dialed_address);
    take_fields(hello, now);
    m_seeds.on_answered(dialed_address, id, now, m_actions);
    m_seeds.on_answered(hello.endpoints.direct, id, now, m_actions);
    if (dialed_address != hello.endpoints.direct) hang_up(dialed_address);
    const bool not_gone = peer->state == PeerState::left && now - peer->state_since >= kLeftGrace;
    if (peer->state == PeerState::pending || peer->state == PeerState::forgotten || not_gone) {
        join(*peer, now);
    } else if (peer->state == PeerState::suspected) {
        // Its direct channel answers; liveness is for the published heartbeats to show.
        m_actions.connects.push_back(Connect{id, peer->endpoints, peer->info.name, /*renew=*/true});
    }
    learn(id, reply.peers);
}

void Membership::on_own_reply(const std::string& dialed_address, const HelloReply& reply,
                              Instant now) {
    if (same_life(reply.hello, m_hello)) {
        m_seeds.drop(dialed_address);
        m_learned.rest(dialed_address, now);
    } else if (reply.hello.member.incarnation > m_hello.member.incarnation) {
        replaced(reply.hello);
    } else {
        m_seeds.on_refused(dialed_address, now);
        m_learned.on_refused(dialed_address, now);
        refused(RefusedBy::them, reply.hello, dialed_address, objections(reply.hello), now);
    }
    hang_up(dialed_address);
}

bool Membership::is_trusted(PeerId peer) const {
    return !m_options.trusted || m_options.trusted->contains(peer);
}

void Membership::on_impostor(PeerId proven, const Hello& hello, const std::string& where,
                             Instant now) {
    const std::string who = display_name(hello.name, hello.member.id);
    const std::vector<std::string> reason{fmt::format("its key is {}", proven.hex())};
    if (!m_refusals.worth_a_line("impostor " + proven.hex(), reason, now)) return;
    m_actions.events.push_back(
        Event("peer_refused", Level::warning,
              fmt::format("A node{} claims to be {}, but {}. If that key should not be in this "
                          "network, `dynavg revoke` it.",
                          where.empty() ? "" : " at " + where, who, reason.front()))
            .with("peer", proven.fingerprint())
            .with("address", where)
            .with("reason", reason));
}

void Membership::on_told(PeerId teller, const std::vector<protocol::KnownPeer>& peers,
                         Instant now) {
    observe_time(now);
    learn(teller, peers);
    m_actions.told.clear();
}

void Membership::set_trusted(std::set<PeerId> trusted) {
    m_options.trusted = std::move(trusted);
    std::vector<PeerId> lost;
    for (const auto& [id, peer] : m_peers) {
        if (!is_trusted(id)) lost.push_back(id);
    }
    for (const PeerId& id : lost) {
        const Peer& peer = m_peers.at(id);
        const std::string name = display_name(peer.info.name, id);
        m_actions.events.push_back(
            Event("peer_left", Level::warning,
                  fmt::format("{} is no longer trusted and is disconnected.", name))
                .with("peer", name)
                .with("address", peer.info.address)
                .with("reason", std::string("no longer trusted")));
        m_learned.rest(peer.endpoints.direct, m_now);
        erase(id);
    }
    // A peer that was refused for want of trust, here or there, may be let in now.
    m_seeds.retry_refused(m_now);
    m_learned.retry_refused(m_now);
}

Membership::Differences Membership::objections(const Hello& hello) const {
    Differences differences = compare(m_hello, hello);
    const PeerId id = hello.member.id;
    if (!is_trusted(id)) {
        differences.push_back({kTrustField, id.hex(), "not among them"});
    }
    const std::string& there = hello.endpoints.direct;
    if (id == m_hello.member.id && !same_life(hello, m_hello)) {
        differences.push_back({m_options.trusted ? kKeyField : kNameField,
                               fmt::format("{} at {}", hello.name, there),
                               fmt::format("{} at {}", m_hello.name, m_hello.endpoints.direct)});
    }
    const auto found = m_peers.find(id);
    if (found == m_peers.end()) return differences;
    const Peer& known = found->second;
    const protocol::Incarnation life = known.info.member.incarnation;
    const bool elsewhere = known.endpoints.direct != there;
    if (hello.member.incarnation < life && elsewhere) {
        differences.push_back(in_two_places(hello.name, there, known));
    } else if (hello.member.incarnation < life) {
        differences.push_back({kLifeField, fmt::format("{}", hello.member.incarnation.value()),
                               fmt::format("{}", life.value())});
    } else if (hello.member.incarnation == life && known.state == PeerState::live &&
               known.endpoints != hello.endpoints) {
        differences.push_back(in_two_places(hello.name, there, known));
    }
    return differences;
}

Peer* Membership::admit(const Hello& hello, Instant now) {
    const PeerId id = hello.member.id;
    Peer* known = find(id);
    if (known != nullptr && known->info.member == hello.member &&
        known->endpoints == hello.endpoints) {
        const bool silent =
            known->state == PeerState::suspected || known->state == PeerState::forgotten;
        if (silent) known->next_dial = now;
        return known;
    }
    std::string reason = "new";
    std::string former_address;
    bool moved_while_heard = false;
    if (known != nullptr) {
        reason = "restarted";
        const bool moved = known->endpoints.direct != hello.endpoints.direct;
        former_address = moved ? known->endpoints.direct : known->former_address;
        moved_while_heard =
            moved ? known->state == PeerState::live || known->state == PeerState::suspected
                  : known->moved_while_heard;
        erase(id);
    } else if (!make_room()) {
        return nullptr;
    }
    Peer peer{
        .detector = FailureDetector(m_options.heartbeat_interval, now, m_options.suspicion_timeout),
        .dialing = Backoff(kDialIntervalFirst, kPendingDialIntervalLast),
        .former_address = std::move(former_address),
        .moved_while_heard = moved_while_heard,
        .join_reason = std::move(reason)};
    peer.info.member = hello.member;
    peer.info.name = hello.name;
    peer.info.role = hello.role;
    peer.info.address = hello.endpoints.direct;
    peer.endpoints = hello.endpoints;
    peer.state_since = now;
    peer.next_dial = now;
    return &m_peers.emplace(id, std::move(peer)).first->second;
}

bool Membership::make_room() {
    const auto pending = std::count_if(m_peers.begin(), m_peers.end(), [](const auto& item) {
        return item.second.state == PeerState::pending;
    });
    if (m_peers.size() < protocol::limits::kPeersMax &&
        static_cast<std::size_t>(pending) < kPendingMax) {
        return true;
    }
    for (const PeerState state : {PeerState::pending, PeerState::forgotten, PeerState::left}) {
        auto oldest = m_peers.end();
        for (auto peer = m_peers.begin(); peer != m_peers.end(); ++peer) {
            if (peer->second.state != state) continue;
            if (oldest == m_peers.end() || peer->second.state_since < oldest->second.state_since) {
                oldest = peer;
            }
        }
        if (oldest == m_peers.end()) continue;
        erase(oldest->first);
        return true;
    }
    return false;
}

void Membership::take_fields(const Hello& hello, Instant now) {
    if (!averaging_fields(m_hello.fields).empty()) return;
    protocol::NetworkFields learned = averaging_fields(hello.fields);
    m_hello.fields.insert(learned.begin(), learned.end());
    m_actions.network_fields = std::move(learned);
    m_seeds.retry_refused(now);
    m_learned.retry_refused(now);
}

void Membership::join(Peer& peer, Instant now) {
    const PeerId id = peer.info.member.id;
    peer.state = PeerState::live;
    peer.state_since = now;
    peer.detector = FailureDetector(m_options.heartbeat_interval, now, m_options.suspicion_timeout);
    peer.dialing = Backoff(kDialIntervalFirst, kDialIntervalLast);
    peer.next_dial = now;
    peer.dials = 0;
    peer.info.live = true;
    peer.info.joined_at = now;
    publish_view();
    m_actions.connects.push_back(Connect{id, peer.endpoints, peer.info.name});
    // It may know others who came just now.
    m_next_peers_request = std::min(m_next_peers_request, now + kPeersRequestAfterJoin);
    report_joined(peer);
}

void Membership::refused(RefusedBy side, const Hello& hello, const std::string& address,
                         const Differences& differences, Instant now) {
    const PeerId id = hello.member.id;
    const std::vector<std::string> reason = describe(differences);
    // A peer that was admitted and no longer fits goes; one that merely has its name stays.
    if (const Peer* known = find(id)) {
        const protocol::Incarnation life = known->info.member.incarnation;
        const bool same = hello.member.incarnation == life && hello.endpoints == known->endpoints;
        if (same || hello.member.incarnation > life) erase(id);
    }
    const bool self = id == m_hello.member.id;
    const std::string name = display_name(hello.name, id);
    if (!m_refusals.worth_a_line(self ? name + " " + hello.endpoints.direct : name, reason, now)) {
        return;
    }
    const std::string who = side == RefusedBy::us
                                ? fmt::format("This node refuses {} at {}", name, address)
                                : fmt::format("{} at {} refuses this node", name, address);
    m_actions.events.push_back(
        Event("peer_refused", Level::warning,
              fmt::format("{}: {}. {}.", who, fmt::join(reason, "; "),
                          refusal_advice(differences, side, m_hello.member.id, id)))
            .with("peer", name)
            .with("address", address)
            .with("reason", reason));
}

void Membership::hang_up(const std::string& address) {
    const bool used = std::any_of(m_peers.begin(), m_peers.end(), [&](const auto& item) {
        return item.second.endpoints.direct == address || item.second.called_at == address;
    });
    if (used || m_seeds.dials(address)) return;
    // The shell hangs up before it dials: an earlier Dial must not win.
    std::erase_if(m_actions.dials, [&](const Dial& dial) { return dial.address == address; });
    m_actions.hangups.push_back(address);
}

void Membership::learn(PeerId teller, const std::vector<protocol::KnownPeer>& peers) {
    std::vector<protocol::KnownPeer> strangers;
    for (const protocol::KnownPeer& peer : peers) {
        if (peer.id == m_hello.member.id || peer.address == m_hello.endpoints.direct) continue;
        if (!is_trusted(peer.id)) {
            strangers.push_back(peer);
            continue;
        }
        const Peer* known = find(peer.id);
        const bool reachable = known != nullptr && (known->state == PeerState::live ||
                                                    known->endpoints.direct == peer.address);
        if (reachable || m_seeds.dials(peer.address)) continue;
        m_learned.learn(teller, peer);
    }
    if (!strangers.empty()) m_actions.told.push_back({teller, std::move(strangers)});
}

}  // namespace dynavg::discovery
