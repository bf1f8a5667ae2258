#include "protocol/core/departures.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace dynavg::protocol {

void Departures::on_roster(const Roster& voters, const Roster& roster, const PeerTable& peers) {
    m_electorate = Electorate(voters);
    m_departing.clear();
    std::erase_if(m_named, [&](const PeerId& peer) {
        return !m_electorate.holds(peer) || has_live_voter(peer, roster, peers);
    });
    m_reported_body = m_electorate.body().size();
}

void Departures::restore(const Roster& voters, const std::optional<Promise>& promise) {
    m_electorate = Electorate(voters);
    if (!promise) return;
    m_departing.insert(promise->departed.begin(), promise->departed.end());
    m_named = m_departing;
    m_electorate.acknowledge(promise->departed, {m_self, promise->remembers});
}

void Departures::review(const Roster& roster, const PeerTable& peers) {
    for (const PeerId& peer : m_electorate.proposed()) {
        if (peer != m_self.id) m_named.insert(peer);
    }
    // A peer that is back is not gone, whatever was said.
    std::erase_if(m_named, [&](const PeerId& peer) { return has_live_voter(peer, roster, peers); });
}

bool Departures::let_go() {
    std::set<PeerId> fresh = m_named;
    std::erase_if(fresh, [this](const PeerId& peer) {
        return m_departing.contains(peer) || !m_electorate.holds(peer);
    });
    if (fresh.empty()) return false;
    m_departing.merge(fresh);
    return true;
}

bool Departures::acknowledge(const Promise& written) {
    const bool current = std::equal(written.departed.begin(), written.departed.end(),
                                    m_departing.begin(), m_departing.end());
    if (!current || written.departed.empty()) return false;
    m_electorate.acknowledge(written.departed, {m_self, written.remembers});
    return true;
}

std::vector<Event> Departures::report() {
    std::vector<Event> events;
    const std::size_t left = m_electorate.body().size();
    if (m_reported_body == left) return events;
    m_reported_body = left;
    for (const PeerId& peer : m_departing) {
        if (!m_electorate.has_departed(peer)) continue;
        events.push_back(
            Event(
                "peer_forgotten", Level::warning,
                fmt::format(
                    "{} is forgotten: rounds do not wait for its vote any more; {} peers vote now",
                    peer.fingerprint(), left))
                .with("peer", peer.fingerprint())
                .with("voters", left));
    }
    return events;
}

}  // namespace dynavg::protocol
