#include "protocol/round/roster.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "protocol/round/electorate.hpp"

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

/// Those in most pairs, in order; pairs is not empty.
Roster most_accused(const Pairs& pairs) {
    std::map<Member, std::size_t> counts;
    for (const auto& [a, b] : pairs) {
        ++counts[a];
        ++counts[b];
    }
    std::size_t most = 0;
    for (const auto& [member, count] : counts) most = std::max(most, count);
    Roster accused;
    for (const auto& [member, count] : counts) {
        if (count == most) accused.push_back(member);
    }
    return accused;
}

/// Whether these would have a quorum if all of them remember their promises.
bool may_have_quorum(const Roster& roster, const Roster& body) {
    Voters voters;
    for (const Member& member : roster) voters.push_back({member, Incarnation{}});
    return has_quorum(voters, body);
}

/// Of those in equally many pairs, whose turn it is.
Member whose_turn(const Roster& accused, Epoch target, const Roster& left, const Roster& body) {
    const std::size_t first = target.value() % accused.size();
    for (std::size_t i = 0; i < accused.size(); ++i) {
        const Member& member = accused[(first + i) % accused.size()];
        Roster rest = left;
        std::erase(rest, member);
        if (may_have_quorum(rest, body)) return member;
    }
    return accused[first];
}

}  // namespace

Roster roster_of(const RoundSets& sets, Epoch target, const Roster& body) {
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
        std::erase(left, whose_turn(most_accused(pairs), target, left, body));
        std::erase_if(pairs, outside);
    }
    return left;
}

void keep_latest_lives(Roster& roster) {
    std::map<PeerId, Incarnation> latest;
    for (const Member& member : roster) {
        Incarnation& life = latest[member.id];
        life = std::max(life, member.incarnation);
    }
    std::erase_if(
        roster, [&latest](const Member& member) { return member.incarnation < latest[member.id]; });
}

}  // namespace dynavg::protocol
