#include "discovery/peer_exchange.hpp"

#include <algorithm>

#include "discovery/bounds.hpp"
#include "protocol/base/address.hpp"

namespace dynavg::discovery {

using protocol::Instant;

bool is_address(const std::string& text) {
    if (text.size() > kAddressBytesMax) return false;
    const auto address = protocol::parse_host_port(text);
    return address && address->port != 0;
}

void LearnedAddresses::learn(protocol::PeerId teller, const protocol::KnownPeer& peer) {
    if (!is_address(peer.address) || knows(peer.address)) return;
    if (m_entries.size() >= kLearnedMax) return;
    const auto told = std::count_if(m_entries.begin(), m_entries.end(), [&](const auto& entry) {
        return entry.second.teller == teller;
    });
    if (static_cast<std::size_t>(told) >= kLearnedPerSourceMax) return;
    m_next_tick.reset();
    m_entries.emplace(peer.address,
                      Entry{.peer = peer.id,
                            .teller = teller,
                            .dialing = Backoff(kDialIntervalFirst, kDialIntervalLast),
                            .refused = Backoff(kRefusedIntervalFirst, kRefusedIntervalLast)});
}

void LearnedAddresses::on_tick(Instant now, Actions& actions) {
    m_next_tick.reset();
    std::erase_if(m_entries, [&](const auto& item) {
        return item.second.state == State::resting && now >= item.second.next;
    });
    std::size_t flying = in_flight();
    for (auto& [address, entry] : m_entries) {
        if (entry.state == State::waiting && flying < kLearnedDialsInFlightMax) {
            entry.state = State::dialing;
            entry.next = now;
            ++flying;
        }
        const bool dialed = entry.state == State::dialing || entry.state == State::refused;
        if (!dialed || now < entry.next) continue;
        if (entry.dials == kLearnedDialsPerAddressMax) {
            entry.state = State::resting;
            entry.next = now + kLearnedRest;
            actions.hangups.push_back(address);
            continue;
        }
        ++entry.dials;
        Backoff& backoff = entry.state == State::refused ? entry.refused : entry.dialing;
        entry.next = now + backoff.next(m_random);
        actions.dials.push_back(Dial{address, entry.peer});
    }
}

void LearnedAddresses::rest(const std::string& address, Instant now) {
    const auto found = m_entries.find(address);
    if (found == m_entries.end()) return;
    m_next_tick.reset();
    found->second.state = State::resting;
    found->second.next = now + kLearnedRest;
}

void LearnedAddresses::on_refused(const std::string& address, Instant now) {
    const auto found = m_entries.find(address);
    if (found == m_entries.end()) return;
    m_next_tick.reset();
    found->second.state = State::refused;
    found->second.dials = 0;
    found->second.next = now + found->second.refused.next(m_random);
}

void LearnedAddresses::retry_refused(Instant now) {
    m_next_tick.reset();
    for (auto& [address, entry] : m_entries) {
        if (entry.state == State::refused) entry.next = now;
    }
}

bool LearnedAddresses::knows(const std::string& address) const {
    return m_entries.contains(address);
}

std::size_t LearnedAddresses::in_flight() const {
    return static_cast<std::size_t>(
        std::count_if(m_entries.begin(), m_entries.end(),
                      [](const auto& item) { return item.second.state == State::dialing; }));
}

Instant LearnedAddresses::next_tick() const {
    if (!m_next_tick) m_next_tick = earliest();
    return *m_next_tick;
}

Instant LearnedAddresses::earliest() const {
    const bool room = in_flight() < kLearnedDialsInFlightMax;
    Instant next = protocol::kNever;
    for (const auto& [address, entry] : m_entries) {
        if (entry.state == State::waiting && !room) continue;
        next = std::min(next, entry.next);
    }
    return next;
}

}  // namespace dynavg::discovery
