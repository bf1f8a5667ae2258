// The part of Membership that time drives.
#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "discovery/bounds.hpp"
#include "discovery/handshake.hpp"
#include "discovery/membership.hpp"

namespace dynavg::discovery {

using protocol::Event;
using protocol::Level;

void Membership::on_tick(Instant now) {
    observe_time(now);
    if (now >= m_next_heartbeat) {
        m_actions.heartbeat_due = true;
        // A network's heartbeats must not fall into step.
        const double factor = 0.95 + 0.1 * m_random.uniform();
        const double interval_us = static_cast<double>(m_options.heartbeat_interval.count());
        m_next_heartbeat = now + Duration(static_cast<Duration::rep>(interval_us * factor));
    }
    m_seeds.on_tick(now, m_actions);
    m_learned.on_tick(now, m_actions);
    std::vector<PeerId> given_up;
    for (auto& [id, peer] : m_peers) {
        tick_peer(peer, now);
        const bool hopeless = peer.state == PeerState::pending && peer.dials > kPendingDialsMax;
        if (hopeless) given_up.push_back(id);
    }
    for (const PeerId& id : given_up) give_up(id, now);
    ask_for_peers(now);
}

void Membership::tick_peer(Peer& peer, Instant now) {
    if (peer.state == PeerState::live) {
        if (now < peer.detector.deadline(m_health.stretch(now))) return;
        const Duration silent = now - peer.detector.last_heard();
        lose(peer, PeerState::suspected, now);
        const std::string name = display_name(peer.info.name, peer.info.member.id);
        const std::string reason =
            fmt::format("silent for {:.1f} s", static_cast<double>(silent.count()) * 1e-6);
        m_actions.events.push_back(
            Event("peer_suspected", Level::warning,
                  fmt::format(
                      "{} is {} and suspected: rounds go on without it. Its machine, its process "
                      "or the network between may be down; this node keeps dialing it.",
                      name, reason))
                .with("peer", name)
                .with("address", peer.info.address)
                .with("reason", reason));
    }
    if (peer.in_view() && now - peer.state_since >= kForgetAfter) {
        peer.state = PeerState::forgotten;
        peer.state_since = now;
        peer.join_reason = "found again";
        disconnect(peer.info.member.id);
        publish_view();
    }
    if (now >= peer.next_dial) dial(peer, now);
}

void Membership::dial(Peer& peer, Instant now) {
    ++peer.dials;
    const bool rarely = peer.state == PeerState::forgotten && !is_alone();
    if (peer.state != PeerState::pending) {
        const bool eagerly =
            peer.state == PeerState::suspected && now - peer.state_since < kSuspectedDialEagerly;
        peer.dialing.limit(eagerly ? kSuspectedDialIntervalLast : kDialIntervalLast);
    }
    peer.next_dial = now + peer.dialing.next(m_random);
    if (rarely) peer.next_dial += kForgottenDialInterval;
    // More than enough dials of a pending peer: the caller gives it up.
    if (peer.state == PeerState::pending && peer.dials > kPendingDialsMax) return;
    if (m_seeds.dials(peer.endpoints.direct)) return m_seeds.hasten(peer.endpoints.direct, now);
    m_actions.dials.push_back(Dial{peer.endpoints.direct, peer.info.member.id});
}

void Membership::give_up(PeerId id, Instant now) {
    const Peer* peer = find(id);
    const std::string name = display_name(peer->info.name, id);
    const std::string address = peer->endpoints.direct;
    const std::string reason = "said Hello, but its advertised address does not answer";
    if (m_refusals.worth_a_line(name, {reason}, now)) {
        m_actions.events.push_back(
            Event("peer_unreachable", Level::warning,
                  fmt::format("{} {}: {}. Check [node] advertise there, and the firewall.", name,
                              reason, address))
                .with("peer", name)
                .with("address", address)
                .with("reason", reason));
    }
    erase(id);
}

void Membership::ask_for_peers(Instant now) {
    if (now < m_next_peers_request) return;
    m_next_peers_request = now + kPeersRequestInterval;
    const std::size_t live = live_count();
    if (live == 0) return;
    std::size_t chosen = static_cast<std::size_t>(m_random.below(live));
    for (const auto& [id, peer] : m_peers) {
        if (peer.state != PeerState::live || chosen-- != 0) continue;
        m_actions.sends.emplace_back(id, protocol::PeersRequest());
        return;
    }
}

protocol::Instant Membership::next_tick() const {
    Instant next = std::min(
        {m_next_heartbeat, m_next_peers_request, m_seeds.next_tick(), m_learned.next_tick()});
    const double stretch = m_health.stretch(m_now);
    for (const auto& [id, peer] : m_peers) {
        const bool live = peer.state == PeerState::live;
        next = std::min(next, live ? peer.detector.deadline(stretch) : peer.next_dial);
    }
    return std::max(next, m_now);
}

}  // namespace dynavg::discovery
