#include "simulation/faults/fault_injector.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

using namespace std::chrono_literals;

namespace {

LinkFault link_fault(const Fault& fault, std::size_t peers) {
    const auto is_in = [](const std::vector<PeerIndex>& side, PeerIndex peer) {
        return std::find(side.begin(), side.end(), peer) != side.end();
    };
    LinkFault links;
    for (const PeerIndex one : fault.peers) {
        for (PeerIndex other = 0; other < peers; ++other) {
            const bool meant =
                fault.others.empty() ? !is_in(fault.peers, other) : is_in(fault.others, other);
            if (!meant) continue;
            links.links.insert({one, other});
            if (fault.kind != FaultKind::mute) links.links.insert({other, one});
        }
    }
    switch (fault.kind) {
        case FaultKind::part:
        case FaultKind::mute:
            links.cut = {Channel::gossip, Channel::direct, Channel::bulk};
            break;
        case FaultKind::bulk:
            links.cut = {Channel::bulk};
            break;
        case FaultKind::clog:
            links.bytes_per_second = fault.amount;
            break;
        case FaultKind::lag:
            links.delay = static_cast<protocol::Duration::rep>(fault.amount) * 1ms;
            break;
        case FaultKind::loss:
            links.loss = static_cast<double>(fault.amount) / 100;
            break;
        default:
            DYNAVG_CHECK(false);
    }
    return links;
}

}  // namespace

FaultInjector::FaultInjector(EventQueue& events, Network& network,
                             std::span<const std::unique_ptr<Peer>> peers, std::uint64_t seed)
    : m_events(events),
      m_network(network),
      m_peers(peers),
      m_random(seed, protocol::RandomPurpose::simulation, 5),
      m_person(events, peers, {seed, protocol::RandomPurpose::simulation, 16}) {}

void FaultInjector::start(const FaultSchedule& faults) {
    for (const Fault& fault : faults) {
        m_events.after(fault.at, [this, fault] {
            if (!m_healed) begin(fault);
        });
    }
}

void FaultInjector::begin(const Fault& fault) {
    if (is_of_links(fault.kind)) return break_links(fault);
    Peer& peer = *m_peers[fault.peers.front()];
    if (fault.kind == FaultKind::diverge) return diverge(fault, peer);
    const bool needs_keys = fault.kind == FaultKind::revoke || fault.kind == FaultKind::token;
    if (!peer.is_up() || (needs_keys && peer.desk() == nullptr)) return;
    if (!is_crash(fault.kind)) return befall(fault, peer);
    const auto crash_it = [this, fault] { crash(fault); };
    if (fault.moment) return peer.crash_at(*fault.moment, crash_it);
    if (fault.message == 0) return crash(fault);
    peer.crash_at_message(fault.message, crash_it);
}

void FaultInjector::crash(const Fault& fault) {
    if (m_healed) return;
    Peer& peer = *m_peers[fault.peers.front()];
    peer.crash(m_random.below(2) == 0 ? LastWords::arrive : LastWords::lost,
               fault.kind == FaultKind::torn ? PowerLoss::torn : PowerLoss::clean);
    if (fault.kind == FaultKind::wipe) peer.disk().wipe();
    hold(fault, {[&peer] { peer.start(); }, peer.index()});
}

/// A fault that waits for the next life may find the peer down.
void FaultInjector::diverge(const Fault& fault, Peer& peer) {
    const auto diverge_it = [this, &peer] {
        if (!m_healed) peer.diverge();
    };
    if (!fault.moment) return diverge_it();
    peer.diverge_at(*fault.moment, diverge_it);
}

void FaultInjector::befall(const Fault& fault, Peer& peer) {
    switch (fault.kind) {
        case FaultKind::leave:
            return peer.leave([this, fault, &peer] {
                // A peer that goes for good while the faults end has gone too late.
                if (m_healed && !fault.length) return m_events.after(0s, [&peer] { peer.start(); });
                hold(fault, {[&peer] { peer.start(); }, peer.index()});
            });
        case FaultKind::freeze:
            peer.freeze_until(m_events.now() + *fault.length);
            return hold(fault, {[] {}, {}});
        case FaultKind::slow:
            peer.set_slowness(static_cast<double>(fault.amount));
            return hold(fault, {[&peer] { peer.set_slowness(1); }, {}});
        case FaultKind::clock:
            peer.jump_clock(*fault.length);
            m_last_end = m_events.now();
            return;
        case FaultKind::full:
            peer.disk().fill();
            return hold(fault, {[&peer] { peer.disk().make_room(); }, {}});
        case FaultKind::rot:
            peer.set_damaging(true);
            return hold(fault, {[&peer] { peer.set_damaging(false); }, {}});
        case FaultKind::revoke:
            m_person.revoke(peer.index());
            return hold(fault, {[this, fault, &peer] {
                                    if (fault.length) m_person.trust(peer.index());
                                },
                                {}});
        case FaultKind::token:
            m_person.close_token(peer.index());
            return hold(fault, {[this, &peer] { m_person.replace_token(peer.index()); }, {}});
        case FaultKind::lie:
            peer.set_lying(true);
            return hold(fault, {[&peer] { peer.set_lying(false); }, {}});
        default:
            DYNAVG_CHECK(false);
    }
}

void FaultInjector::break_links(const Fault& fault) {
    const Network::FaultId id = m_network.add(link_fault(fault, m_peers.size()));
    hold(fault, {[this, id] { m_network.remove(id); }, {}});
}

void FaultInjector::hold(const Fault& fault, Holding holding) {
    const Id id = ++m_last_id;
    holding.for_ever = !fault.length;
    m_holding.emplace(id, std::move(holding));
    if (fault.length) m_events.after(*fault.length, [this, id] { finish(id); });
}

void FaultInjector::finish(Id id) {
    const auto found = m_holding.find(id);
    if (found == m_holding.end()) return;
    const Holding holding = std::move(found->second);
    m_holding.erase(found);
    m_last_end = m_events.now();
    holding.end();
}

void FaultInjector::heal(const std::set<PeerIndex>& core, Others others) {
    m_healed = true;
    m_last_end = m_events.now();
    for (const auto& [id, holding] : std::exchange(m_holding, {})) {
        if (!holding.down || core.contains(*holding.down)) holding.end();
    }
    LinkFault apart;
    apart.cut = {Channel::gossip, Channel::direct, Channel::bulk};
    for (const auto& peer : m_peers) {
        if (core.contains(peer->index()) || others == Others::revoked) {
            peer->thaw();
            continue;
        }
        const bool dies = m_random.below(2) == 0 || others == Others::dead;
        if (dies) {
            peer->crash(LastWords::lost);
        } else {
            peer->thaw();
        }
        for (const PeerIndex inside : core) {
            apart.links.insert({inside, peer->index()});
            apart.links.insert({peer->index(), inside});
        }
    }
    (void)m_network.add(std::move(apart));
    if (others == Others::revoked) m_person.introduce(core);
}

bool FaultInjector::is_lost(PeerIndex peer) const {
    return std::any_of(m_holding.begin(), m_holding.end(), [peer](const auto& entry) {
        return entry.second.for_ever && entry.second.down == peer;
    });
}

std::optional<protocol::Instant> FaultInjector::quiet_since() const {
    if (!m_holding.empty()) return std::nullopt;
    return m_last_end;
}

}  // namespace dynavg::simulation
