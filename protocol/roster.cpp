#include "protocol/roster.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace dynavg::protocol {

namespace {

using Pairs = std::set<std::pair<Member, Member>>;

/// Accusations without direction, between two different members.
Pairs unordered_pairs(const std::vector<Accusation>& accusations) {
    Pairs pairs;
    for (const Accusation& accusation : accusations) {
        if (accusation.accuser == accusation.accused) continue;
        pairs.insert(std::minmax(accusation.accuser, accusation.accused));
    }
    return pairs;
}

/// The member in most pairs, the last of them in order; pairs is not empty.
Member most_accused(const Pairs& pairs) {
    std::map<Member, std::size_t> counts;
    for (const auto& [a, b] : pairs) {
        ++counts[a];
        ++counts[b];
    }
    return std::max_element(counts.begin(), counts.end(),
                            [](const auto& a, const auto& b) {
                                return std::pair(a.second, a.first) < std::pair(b.second, b.first);
                            })
        ->first;
}

/// A peer that has restarted is a new member: its earlier lives will not answer.
void keep_latest_lives(Roster& roster) {
    std::map<PeerId, Incarnation> latest;
    for (const Member& member : roster) {
        Incarnation& life = latest[member.id];
        life = std::max(life, member.incarnation);
    }
    std::erase_if(
        roster, [&latest](const Member& member) { return member.incarnation < latest[member.id]; });
}

}  // namespace

Roster roster_of(const RoundSets& sets) {
    Roster left;
    std::set_difference(sets.candidates.begin(), sets.candidates.end(), sets.excluded.begin(),
                        sets.excluded.end(), std::back_inserter(left));
    keep_latest_lives(left);
    Pairs pairs = unordered_pairs(sets.accusations);
    const auto outside = [&left](const auto& pair) {
        return !contains(left, pair.first) || !contains(left, pair.second);
    };
    std::erase_if(pairs, outside);
    while (!pairs.empty()) {
        const Member dropped = most_accused(pairs);
        std::erase(left, dropped);
        std::erase_if(pairs, outside);
    }
    return left;
}

}  // namespace dynavg::protocol
