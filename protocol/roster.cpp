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

}  // namespace

Roster roster_of(const RoundSets& sets) {
    Roster left;
    std::set_difference(sets.candidates.begin(), sets.candidates.end(), sets.excluded.begin(),
                        sets.excluded.end(), std::back_inserter(left));
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

bool has_quorum(const Roster& members, const Roster& last) {
    const auto is_in = [&members](const Member& voter) {
        return std::any_of(members.begin(), members.end(),
                           [&voter](const Member& member) { return member.id == voter.id; });
    };
    const auto votes = static_cast<std::size_t>(std::count_if(last.begin(), last.end(), is_in));
    if (2 * votes > last.size()) return true;
    return !last.empty() && 2 * votes == last.size() && is_in(last.front());
}

}  // namespace dynavg::protocol
