#include "discovery/peer_exchange.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "discovery/bounds.hpp"

namespace dynavg::discovery {

using protocol::Instant;

namespace {

bool is_alphanumeric(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// By its letters, with or without a zone ("fe80::1%eth0"): whoever dials it knows for sure.
bool is_ipv6(std::string_view host) {
    const std::size_t percent = host.find('%');
    const std::string_view address = host.substr(0, percent);
    if (percent != std::string_view::npos) {
        const std::string_view zone = host.substr(percent + 1);
        if (zone.empty() || !std::all_of(zone.begin(), zone.end(), is_alphanumeric)) return false;
    }
    return std::count(address.begin(), address.end(), ':') >= 2 &&
           std::all_of(address.begin(), address.end(), [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') ||
                      c == ':' || c == '.';
           });
}

bool is_host(std::string_view host) {
    if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
        return is_ipv6(host.substr(1, host.size() - 2));
    }
    return !host.empty() && std::all_of(host.begin(), host.end(), [](char c) {
        return is_alphanumeric(c) || c == '.' || c == '-' || c == '_';
    });
}

bool is_port(std::string_view port) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
    return error == std::errc() && end == port.data() + port.size() && value >= 1 && value <= 65535;
}

}  // namespace

bool is_address(const std::string& text) {
    if (text.size() > kAddressBytesMax) return false;
    const std::size_t colon = text.rfind(':');
    if (colon == std::string::npos) return false;
    const std::string_view view = text;
    return is_host(view.substr(0, colon)) && is_port(view.substr(colon + 1));
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
