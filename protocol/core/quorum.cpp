#include "protocol/core/quorum.hpp"

#include <algorithm>

namespace dynavg::protocol {

Voters VoterLookup::of(const Roster& roster) const {
    Voters voters;
    for (const Member& member : roster) {
        Incarnation remembers = member.incarnation;
        const RoundState* heard = round != nullptr ? round->heard(member) : nullptr;
        if (member == self.member) {
            remembers = self.remembers;
        } else if (heard != nullptr) {
            remembers = heard->remembers;
        } else if (const PeerInfo* peer = peers.find(member.id); peer && peer->member == member) {
            remembers = peer->remembers;
        }
        voters.push_back({member, remembers});
    }
    return voters;
}

bool Quorum::is_sufficient(const Roster& peers) const {
    if (rule == QuorumRule::none) return true;
    if (!electorate.body().empty()) return electorate.has_quorum(voters.of(peers));
    const bool enough = 2 * peers.size() > start_peers;
    const Round* round = voters.round;
    return enough && (round == nullptr || has_quorum(voters.of(peers), round->sets().candidates));
}

bool Quorum::is_sufficient_for_all(const Roster& peers) const {
    if (!is_sufficient(peers)) return false;
    const Round& round = *voters.round;
    if (!is_merge(round) || rule == QuorumRule::none) return true;
    const Voters all = voters.of(peers);
    return std::all_of(round.members().begin(), round.members().end(), [&](const Member& member) {
        const RoundState* heard = round.heard(member);
        return heard == nullptr || heard->voters.empty() || has_quorum(all, heard->voters);
    });
}

bool is_merge(const Round& round) {
    return round.evidence().reason == RoundReason::merge;
}

}  // namespace dynavg::protocol
