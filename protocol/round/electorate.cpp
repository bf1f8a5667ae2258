#include "protocol/round/electorate.hpp"

#include <algorithm>
#include <tuple>

namespace dynavg::protocol {

namespace {

/// Sorted by peer, then by how far back it remembers.
Voters by_peer(Voters voters) {
    const auto key = [](const Voter& voter) { return std::tie(voter.member.id, voter.remembers); };
    std::sort(voters.begin(), voters.end(),
              [&key](const Voter& a, const Voter& b) { return key(a) < key(b); });
    return voters;
}

}  // namespace

bool has_quorum(const Voters& voters, const Roster& roster) {
    const auto votes_for = [sorted = by_peer(voters)](const Member& member) {
        // Of several lives of a peer the one that remembers most comes first.
        const auto voter =
            std::lower_bound(sorted.begin(), sorted.end(), member.id,
                             [](const Voter& one, const PeerId& id) { return one.member.id < id; });
        return voter != sorted.end() && voter->member.id == member.id &&
               voter->remembers <= member.incarnation;
    };
    const auto votes =
        static_cast<std::size_t>(std::count_if(roster.begin(), roster.end(), votes_for));
    if (2 * votes > roster.size()) return true;
    return !roster.empty() && 2 * votes == roster.size() && votes_for(roster.front());
}

void Electorate::acknowledge(const std::vector<PeerId>& departed, const Voter& self) {
    for (const PeerId& peer : departed) {
        if (!holds(peer)) continue;
        m_acknowledged.insert(peer);
        m_heard[peer].insert_or_assign(self.member.id, self);
    }
    update();
}

void Electorate::hear(const Voter& from, const std::vector<PeerId>& departed) {
    if (!holds(from.member.id)) return;
    bool changed = false;
    for (const PeerId& peer : departed) {
        if (holds(peer)) changed |= m_heard[peer].insert({from.member.id, from}).second;
    }
    if (changed) update();
}

bool Electorate::has_quorum(const Voters& voters) const {
    Voters counted;
    std::copy_if(voters.begin(), voters.end(), std::back_inserter(counted),
                 [this](const Voter& voter) { return !m_acknowledged.contains(voter.member.id); });
    return protocol::has_quorum(counted, m_body);
}

bool Electorate::holds(const PeerId& peer) const {
    return std::any_of(m_roster.begin(), m_roster.end(),
                       [&peer](const Member& member) { return member.id == peer; });
}

bool Electorate::has_departed(const PeerId& peer) const {
    return holds(peer) && std::none_of(m_body.begin(), m_body.end(),
                                       [&peer](const Member& member) { return member.id == peer; });
}

std::vector<PeerId> Electorate::acknowledged() const {
    return {m_acknowledged.begin(), m_acknowledged.end()};
}

std::vector<PeerId> Electorate::proposed() const {
    std::vector<PeerId> proposed;
    for (const auto& [peer, voters] : m_heard) {
        if (!m_acknowledged.contains(peer)) proposed.push_back(peer);
    }
    return proposed;
}

/// One at a time, as each makes the body smaller for those that follow.
void Electorate::update() {
    const auto in_force = [this](const Member& member) {
        const auto heard = m_heard.find(member.id);
        if (heard == m_heard.end()) return false;
        Voters voters{{member, member.incarnation}};
        for (const auto& [id, voter] : heard->second) {
            if (id != member.id) voters.push_back(voter);
        }
        return protocol::has_quorum(voters, m_body);
    };
    while (m_body.size() > 1) {
        const auto gone = std::find_if(m_body.begin(), m_body.end(), in_force);
        if (gone == m_body.end()) break;
        m_body.erase(gone);
    }
}

}  // namespace dynavg::protocol
