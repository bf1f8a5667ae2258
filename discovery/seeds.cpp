#include "discovery/seeds.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "discovery/bounds.hpp"
#include "discovery/handshake.hpp"

namespace dynavg::discovery {

using protocol::Duration;
using protocol::Event;
using protocol::Instant;
using protocol::Level;

Seeds::Seeds(const std::vector<Seed>& seeds, const std::string& own_address,
             protocol::RandomStream random)
    : m_own_address(own_address), m_random(random) {
    for (const Seed& seed : seeds) add(seed);
}

void Seeds::add(const Seed& seed) {
    if (seed.address == m_own_address || find(seed.address) != nullptr) return;
    if (m_entries.size() >= kSeedsMax) return;
    m_entries.push_back(Entry{.seed = seed,
                              .dialing = Backoff(kDialIntervalFirst, kDialIntervalLast),
                              .refused = Backoff(kRefusedIntervalFirst, kRefusedIntervalLast),
                              .last_dial = std::nullopt,
                              .next_warning = std::nullopt,
                              .warning_interval = kSeedWarningIntervalFirst,
                              .answered_by = std::nullopt});
}

void Seeds::configure(const std::vector<Seed>& seeds) {
    const auto is_named = [&](const Entry& entry) {
        return std::any_of(seeds.begin(), seeds.end(), [&](const Seed& seed) {
            return seed.address == entry.seed.address && seed.peer == entry.seed.peer;
        });
    };
    std::erase_if(m_entries,
                  [&](const Entry& entry) { return !entry.seed.met && !is_named(entry); });
    for (const Seed& seed : seeds) {
        // One that was met before is a configured one from now on.
        if (Entry* known = find(seed.address)) {
            known->seed = seed;
        } else {
            add(seed);
        }
    }
}

void Seeds::on_tick(Instant now, Actions& actions) {
    for (Entry& entry : m_entries) {
        if (now < entry.next_dial) continue;
        actions.dials.push_back(Dial{entry.seed.address, entry.seed.peer});
        entry.last_dial = now;
        if (entry.state == SeedState::refused) {
            entry.next_dial = now + entry.refused.next(m_random);
            continue;
        }
        entry.next_dial = now + entry.dialing.next(m_random);
        if (!entry.next_warning) entry.next_warning = now + kSeedWarningAfter;
        if (now >= *entry.next_warning && !entry.seed.met) warn(entry, now, actions);
    }
}

void Seeds::warn(Entry& entry, Instant now, Actions& actions) {
    actions.events.push_back(
        Event("seed_unreachable", Level::warning,
              fmt::format(
                  "The configured address {} does not answer; this node keeps dialing it. Check "
                  "that a node runs "
                  "there, the address in [node] peers, the firewall between, and with keys that "
                  "each of the two trusts the other's.",
                  entry.seed.address))
            .with("address", entry.seed.address)
            .with("reason", std::string("no answer to Hello")));
    entry.warned = true;
    entry.next_warning = now + entry.warning_interval;
    entry.warning_interval = std::min(entry.warning_interval * 2, kSeedWarningIntervalLast);
}

void Seeds::on_answered(const std::string& address, protocol::PeerId peer, Instant now,
                        Actions& actions) {
    Entry* entry = find(address);
    if (entry == nullptr) return;
    if (entry->warned) {
        actions.events.push_back(Event("seed_reached", Level::info,
                                       fmt::format("The seed {} answers now.", entry->seed.address))
                                     .with("address", entry->seed.address)
                                     .with("peer", peer.fingerprint()));
    }
    entry->state = SeedState::answered;
    entry->has_answered = true;
    entry->answered_by = peer;
    entry->next_dial = protocol::kNever;
    entry->next_warning = now + kSeedLostWarningAfter;
    entry->warned = false;
    entry->dialing.reset();
    entry->refused.reset();
}

void Seeds::on_refused(const std::string& address, Instant now) {
    Entry* entry = find(address);
    if (entry == nullptr) return;
    entry->state = SeedState::refused;
    entry->answered_by.reset();
    entry->next_dial = now + entry->refused.next(m_random);
}

void Seeds::drop(const std::string& address) {
    std::erase_if(m_entries, [&](const Entry& entry) { return entry.seed.address == address; });
}

void Seeds::on_peer_lost(protocol::PeerId peer, Instant now) {
    for (Entry& entry : m_entries) {
        if (entry.state != SeedState::answered || entry.answered_by != peer) continue;
        entry.state = SeedState::unanswered;
        entry.answered_by.reset();
        entry.next_dial = now;
        entry.next_warning = now + kSeedLostWarningAfter;
    }
}

void Seeds::retry_refused(Instant now) {
    for (Entry& entry : m_entries) {
        if (entry.state == SeedState::refused) entry.next_dial = now;
    }
}

void Seeds::hasten(const std::string& address, Instant now) {
    Entry* entry = find(address);
    if (entry == nullptr || !entry->last_dial) return;
    const Instant earliest = std::max(now, *entry->last_dial + kDialIntervalFirst);
    entry->next_dial = std::min(entry->next_dial, earliest);
}

std::vector<protocol::KnownPeer> Seeds::still_missed() const {
    std::vector<protocol::KnownPeer> missed;
    for (const Entry& entry : m_entries) {
        if (entry.seed.met && !entry.has_answered) missed.push_back(*entry.seed.met);
    }
    return missed;
}

Seeds::Entry* Seeds::find(const std::string& address) {
    const auto found = std::find_if(m_entries.begin(), m_entries.end(), [&](const Entry& entry) {
        return entry.seed.address == address;
    });
    return found == m_entries.end() ? nullptr : &*found;
}

std::vector<std::string> Seeds::unanswered() const {
    std::vector<std::string> addresses;
    for (const Entry& entry : m_entries) {
        if (entry.state == SeedState::unanswered) addresses.push_back(entry.seed.address);
    }
    return addresses;
}

bool Seeds::dials(const std::string& address) const {
    return state(address) == SeedState::unanswered;
}

std::optional<SeedState> Seeds::state(const std::string& address) const {
    for (const Entry& entry : m_entries) {
        if (entry.seed.address == address) return entry.state;
    }
    return std::nullopt;
}

Instant Seeds::next_tick() const {
    Instant next = protocol::kNever;
    for (const Entry& entry : m_entries) next = std::min(next, entry.next_dial);
    return next;
}

}  // namespace dynavg::discovery
