#include "discovery/membership.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "discovery/bounds.hpp"
#include "discovery/handshake.hpp"

namespace dynavg::discovery {

using protocol::Event;
using protocol::Level;
using protocol::PeerInfo;

namespace {

enum class JitterOf : std::uint64_t { membership, seeds, learned };

protocol::RandomStream jitter(const MembershipOptions& options, JitterOf part) {
    return {options.random_seed, protocol::RandomPurpose::jitter, options.self.id.tag(),
            static_cast<std::uint64_t>(part)};
}

std::int64_t milliseconds(protocol::Instant at) {
    return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

}  // namespace

Membership::Membership(MembershipOptions options, Instant now)
    : m_options(std::move(options)),
      m_random(jitter(m_options, JitterOf::membership)),
      m_seeds(m_options.seeds, m_options.endpoints.direct, jitter(m_options, JitterOf::seeds)),
      m_learned(jitter(m_options, JitterOf::learned)),
      m_now(now),
      m_next_heartbeat(now),
      m_next_peers_request(now + kPeersRequestInterval) {
    m_hello.member = m_options.self;
    m_hello.name = m_options.name;
    m_hello.endpoints = m_options.endpoints;
    m_hello.fields = m_options.fields;
    m_hello.role = m_options.role;
}

// Whichever input comes first after this process stood still tells of it.
void Membership::observe_time(Instant now) {
    m_now = std::max(m_now, now);
    if (m_now <= m_expected_tick) return;
    const Duration pause = m_health.on_tick(m_expected_tick, m_now);
    m_expected_tick = protocol::kNever;
    if (pause == Duration::zero()) return;
    for (auto& [id, peer] : m_peers) peer.detector.grant(pause, m_now);
}

void Membership::on_heartbeat(PeerId from, const protocol::Header& header,
                              const protocol::Heartbeat& heartbeat, Instant now) {
    observe_time(now);
    Peer* peer = find(from);
    if (peer == nullptr || heartbeat.incarnation < peer->info.member.incarnation) return;
    if (heartbeat.incarnation > peer->info.member.incarnation) {
        // It has restarted, and its Hello is still to come or was lost.
        if (now < peer->next_dial) return;
        peer->next_dial = now + peer->dialing.next(m_random);
        const bool usable = is_address(heartbeat.address);
        const std::string& address = usable ? heartbeat.address : peer->endpoints.direct;
        const std::string before = std::exchange(peer->called_at, address);
        if (!before.empty()) hang_up(before);
        m_actions.dials.push_back(Dial{address, from});
        return;
    }
    if (peer->heard_heartbeat && header.sequence <= peer->last_heartbeat) return;
    peer->heard_heartbeat = true;
    peer->last_heartbeat = header.sequence;
    peer->clock.on_heard(heartbeat.unix_ms, unix_ms(now));
    PeerInfo& info = peer->info;
    info.reference = {header.epoch, heartbeat.reference_digest};
    info.steps = heartbeat.steps;
    info.steps_since_reference = heartbeat.steps_since_reference;
    info.step_time = std::chrono::microseconds(heartbeat.step_time_us);
    info.done = heartbeat.done;
    info.position = heartbeat.position;
    info.weight = heartbeat.weight;
    info.remembers = heartbeat.remembers;
    info.leaving = heartbeat.leaving || peer->state == PeerState::left;
    if (peer->state == PeerState::live || peer->state == PeerState::suspected) {
        peer->detector.on_heartbeat(now);
        heard(*peer, now);
        m_view_changed = true;
    }
}

void Membership::on_heard(PeerId from, Instant now) {
    observe_time(now);
    if (Peer* peer = find(from)) heard(*peer, now);
}

void Membership::on_peers_request(PeerId from, Instant now) {
    on_heard(from, now);
    Peer* peer = find(from);
    if (peer == nullptr || !peer->in_view() || now < peer->next_peers_reply) return;
    peer->next_peers_reply = now + kPeersReplyIntervalMin;
    m_actions.sends.emplace_back(from, protocol::PeersReply{live_peers(from)});
}

void Membership::on_peers_reply(PeerId from, const protocol::PeersReply& reply, Instant now) {
    on_heard(from, now);
    const Peer* peer = find(from);
    if (peer != nullptr && peer->in_view()) learn(from, reply.peers);
}

void Membership::on_goodbye(PeerId from, Instant now) {
    observe_time(now);
    Peer* peer = find(from);
    if (peer == nullptr || !peer->in_view() || peer->state == PeerState::left) return;
    peer->info.leaving = true;
    lose(*peer, PeerState::left, now);
    disconnect(from);
    m_actions.events.push_back(
        Event("peer_left", Level::info,
              fmt::format("{} has left the network.", display_name(peer->info.name, from)))
            .with("peer", display_name(peer->info.name, from))
            .with("address", peer->info.address)
            .with("reason", std::string("goodbye")));
}

void Membership::set_seeds(const std::vector<Seed>& seeds) {
    const std::vector<std::string> dialed = m_seeds.unanswered();
    m_seeds.configure(seeds);
    for (const std::string& address : dialed) hang_up(address);
}

void Membership::heard(Peer& peer, Instant now) {
    if (peer.state != PeerState::live && peer.state != PeerState::suspected) return;
    peer.detector.on_heard(now);
    if (peer.state == PeerState::suspected) revive(peer, now);
    touch(peer);
}

void Membership::revive(Peer& peer, Instant now) {
    peer.state = PeerState::live;
    peer.state_since = now;
    peer.info.live = true;
    peer.dialing.reset();
    peer.next_dial = now;
    m_view_changed = true;
    m_seeds.on_answered(peer.endpoints.direct, peer.info.member.id, now, m_actions);
    m_actions.connects.push_back(
        Connect{peer.info.member.id, peer.endpoints, peer.info.name, /*renew=*/true});
    const std::string name = display_name(peer.info.name, peer.info.member.id);
    m_actions.events.push_back(
        Event("peer_joined", Level::info, fmt::format("{} is heard again.", name))
            .with("peer", name)
            .with("address", peer.info.address)
            .with("reason", std::string("heard again")));
}

void Membership::lose(Peer& peer, PeerState state, Instant now) {
    peer.state = state;
    peer.state_since = now;
    peer.info.live = false;
    peer.dialing.reset();
    peer.next_dial = now;
    m_view_changed = m_peers_changed = true;
    touch(peer);
    m_seeds.on_peer_lost(peer.info.member.id, now);
    if (!is_alone()) return;
    // Alone: any address that was ever known may be the way back.
    for (auto& [id, other] : m_peers) {
        if (other.state != PeerState::forgotten) continue;
        other.dialing.reset();
        other.next_dial = now;
    }
}

void Membership::erase(PeerId peer) {
    const auto found = m_peers.find(peer);
    if (found == m_peers.end()) return;
    const Peer gone = std::move(found->second);
    disconnect(peer);
    m_seeds.on_peer_lost(peer, m_now);
    m_peers.erase(found);
    hang_up(gone.endpoints.direct);
    if (!gone.called_at.empty()) hang_up(gone.called_at);
    publish_view();
}

void Membership::disconnect(PeerId peer) {
    // The shell disconnects before it connects: an earlier Connect must not win.
    std::erase_if(m_actions.connects, [&](const Connect& connect) { return connect.peer == peer; });
    std::erase_if(m_actions.sends, [&](const auto& send) { return send.first == peer; });
    m_actions.disconnects.push_back(peer);
}

void Membership::publish_view() {
    std::vector<Peer*> shown;
    for (auto& [id, peer] : m_peers) {
        if (peer.in_view()) shown.push_back(&peer);
    }
    std::sort(shown.begin(), shown.end(),
              [](const Peer* a, const Peer* b) { return a->info.member < b->info.member; });
    m_view.peers.clear();
    for (Peer* peer : shown) {
        peer->view_index = m_view.peers.size();
        m_view.peers.push_back(peer->info);
        touch(*peer);
    }
    m_view_changed = m_peers_changed = true;
}

void Membership::touch(Peer& peer) {
    if (!peer.in_view()) return;
    peer.info.last_heard = peer.detector.last_heard();
    peer.info.suspicion_timeout =
        peer.detector.deadline(m_health.stretch(m_now)) - peer.info.last_heard;
    m_view.peers[peer.view_index] = peer.info;
}

Peer* Membership::find(PeerId peer) {
    const auto found = m_peers.find(peer);
    return found == m_peers.end() ? nullptr : &found->second;
}

const PeerInfo* Membership::joined(const PeerId& peer) const {
    const auto found = m_peers.find(peer);
    const bool shown = found != m_peers.end() && found->second.in_view();
    return shown ? &m_view.peers[found->second.view_index] : nullptr;
}

std::vector<protocol::KnownPeer> Membership::live_peers(PeerId but) const {
    std::vector<protocol::KnownPeer> peers;
    for (const auto& [id, peer] : m_peers) {
        if (peer.state != PeerState::live || peer.info.leaving || id == but) continue;
        if (peers.size() == protocol::limits::kPeersPerMessageMax) break;
        peers.push_back({id, peer.endpoints.direct});
    }
    return peers;
}

/// Also whom an earlier life had met and this one not yet: it may die as well.
protocol::KnownPeers Membership::peers_to_remember() const {
    protocol::KnownPeers known{m_seeds.still_missed()};
    for (const auto& [id, peer] : m_peers) {
        if (peer.state == PeerState::left || peer.state == PeerState::pending) continue;
        std::erase_if(known.peers, [&id = id](const auto& missed) { return missed.id == id; });
        known.peers.push_back({id, peer.endpoints.direct});
    }
    std::sort(known.peers.begin(), known.peers.end(),
              [](const auto& a, const auto& b) { return a.id < b.id; });
    if (known.peers.size() > protocol::limits::kPeersMax) {
        known.peers.resize(protocol::limits::kPeersMax);
    }
    return known;
}

bool Membership::take_view_changed() {
    return std::exchange(m_view_changed, false);
}

Actions Membership::take_actions() {
    if (std::exchange(m_peers_changed, false)) {
        protocol::KnownPeers known = peers_to_remember();
        // A node that was left alone keeps the addresses of the others, to find them again.
        if (!known.peers.empty() && known != m_remembered) {
            m_remembered = known;
            m_actions.known_peers = std::move(known);
        }
    }
    Actions actions = std::exchange(m_actions, Actions());
    actions.next_tick = next_tick();
    m_expected_tick = actions.next_tick;
    return actions;
}

protocol::Duration Membership::longest_heartbeat_gap(PeerId peer) const {
    const auto found = m_peers.find(peer);
    return found == m_peers.end() ? Duration::zero() : found->second.detector.longest_gap();
}

void Membership::set_wall_clock(std::uint64_t unix_ms, Instant now) {
    m_unix_ms_at_zero = static_cast<std::int64_t>(unix_ms) - milliseconds(now);
}

std::uint64_t Membership::unix_ms(Instant now) const {
    return static_cast<std::uint64_t>(
        std::max<std::int64_t>(m_unix_ms_at_zero + milliseconds(now), 0));
}

std::optional<ClockOffset> Membership::clock_offset(PeerId peer) const {
    const auto found = m_peers.find(peer);
    return found == m_peers.end() ? std::nullopt : found->second.clock.offset();
}

std::optional<ClockOffset> Membership::skew() const {
    std::vector<ClockOffset> offsets;
    for (const auto& [id, peer] : m_peers) {
        if (peer.state != PeerState::live) continue;
        if (const auto offset = peer.clock.offset()) offsets.push_back(*offset);
    }
    return clock_skew(std::move(offsets));
}

std::size_t Membership::live_count() const {
    return static_cast<std::size_t>(std::count_if(m_peers.begin(), m_peers.end(), [](auto& item) {
        return item.second.state == PeerState::live;
    }));
}

bool Membership::is_alone() const {
    return std::none_of(m_peers.begin(), m_peers.end(), [](const auto& item) {
        return item.second.state == PeerState::live &&
               item.second.info.role == protocol::Role::member;
    });
}

std::size_t Membership::remembered() const {
    return m_peers.size() + m_learned.size() + m_refusals.size();
}

}  // namespace dynavg::discovery
