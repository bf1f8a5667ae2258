#include "protocol/round/round.hpp"

#include <algorithm>
#include <iterator>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/round/roster.hpp"

namespace dynavg::protocol {

namespace {

/// Inserts into a sorted vector; false if it was there or the vector is full.
template <class T>
bool insert_sorted(std::vector<T>& values, const T& value, std::size_t most) {
    const auto place = std::lower_bound(values.begin(), values.end(), value);
    if (place != values.end() && *place == value) return false;
    if (values.size() >= most) return false;
    values.insert(place, value);
    return true;
}

template <class T>
bool merge_sorted(std::vector<T>& values, const std::vector<T>& more, std::size_t most) {
    bool changed = false;
    for (const T& value : more) changed |= insert_sorted(values, value, most);
    return changed;
}

std::size_t size_of(const RoundSets& sets) {
    return sets.candidates.size() + sets.accusations.size() + sets.excluded.size() +
           sets.leaving.size();
}

Digest digest_of(const RoundSets& sets) {
    Digester digester;
    digester.add_u64(sets.candidates.size());
    for (const Member& member : sets.candidates) digester.add(member);
    digester.add_u64(sets.accusations.size());
    for (const Accusation& accusation : sets.accusations) {
        digester.add(accusation.accuser).add(accusation.accused);
    }
    digester.add_u64(sets.excluded.size());
    for (const Member& member : sets.excluded) digester.add(member);
    digester.add_u64(sets.leaving.size());
    for (const Member& member : sets.leaving) digester.add(member);
    return digester.finish();
}

}  // namespace

Round::Round(Epoch target, Attempt attempt, Member self, Evidence evidence, Roster body)
    : m_target(target),
      m_attempt(attempt),
      m_self(self),
      m_evidence(evidence),
      m_body(std::move(body)) {}

Ballot Round::ballot() const {
    return {m_attempt, static_cast<std::uint32_t>(size_of(m_sets))};
}

ExchangeKey Round::key() const {
    return {{m_target, protocol::digest_of(m_members)}, m_attempt, digest_of(m_sets)};
}

bool Round::merge(const RoundSets& theirs) {
    if (theirs == m_sets) return false;  // By far the most often.
    bool changed = merge_sorted(m_sets.candidates, theirs.candidates, limits::kRosterMembersMax);
    changed |= merge_sorted(m_sets.accusations, theirs.accusations, limits::kAccusationsMax);
    changed |= merge_sorted(m_sets.excluded, theirs.excluded, limits::kRosterMembersMax);
    changed |= merge_sorted(m_sets.leaving, theirs.leaving, limits::kLeavingMax);
    if (changed) on_sets_changed();
    return changed;
}

bool Round::accuse(const Member& accused) {
    return merge({{}, {{m_self, accused}}, {}, {}});
}

void Round::leave() {
    merge({{}, {}, {}, {m_self}});
}

bool Round::exclude(const Member& member) {
    return merge({{}, {}, {member}, {}});
}

void Round::hear(const Member& from, const RoundState& state) {
    DYNAVG_CHECK(state.target == m_target && state.attempt == m_attempt);
    const auto held = m_heard.find(from);
    if (held == m_heard.end()) {
        if (m_heard.size() < limits::kPeersMax) {
            m_heard.emplace(from, Heard{state, state.sets == m_sets});
        }
        return;
    }
    // Sets only grow and what is prepared stays: less than before is an older word.
    const RoundState& before = held->second.state;
    const bool older = size_of(state.sets) < size_of(before.sets) ||
                       (size_of(state.sets) == size_of(before.sets) && before.prepared &&
                        (!state.prepared || state.prepared->ballot < before.prepared->ballot));
    if (!older) held->second = {state, state.sets == m_sets};
}

const RoundState* Round::heard(const Member& member) const {
    const auto found = m_heard.find(member);
    return found == m_heard.end() ? nullptr : &found->second.state;
}

bool Round::agreed() const {
    return is_member() && std::all_of(m_members.begin(), m_members.end(), [this](const Member& m) {
               if (m == m_self) return true;
               const auto found = m_heard.find(m);
               return found != m_heard.end() && found->second.holds_our_sets;
           });
}

bool Round::prepared_in_this_ballot() const {
    return m_prepared && m_prepared->ballot == ballot();
}

void Round::prepare(const Prepared& prepared) {
    DYNAVG_CHECK(!prepared_in_this_ballot() && prepared.ballot == ballot());
    m_prepared = prepared;
}

Roster Round::leaving_of(const Roster& roster) const {
    Roster leaving;
    std::set_intersection(roster.begin(), roster.end(), m_sets.leaving.begin(),
                          m_sets.leaving.end(), std::back_inserter(leaving));
    return leaving;
}

std::optional<Prepared> Round::best_prepared() const {
    std::optional<Prepared> best = m_prepared;
    for (const Member& member : m_members) {
        const RoundState* state = heard(member);
        if (state == nullptr || !state->prepared) continue;
        if (!best || best->ballot < state->prepared->ballot) best = state->prepared;
    }
    return best;
}

std::optional<Member> Round::holder_of(const Digest& digest) const {
    for (const Member& member : m_members) {
        const RoundState* state = heard(member);
        if (state != nullptr && state->prepared && state->prepared->digest == digest) {
            return member;
        }
    }
    return std::nullopt;
}

Roster Round::acknowledged() const {
    if (!prepared_in_this_ballot()) return {};
    Roster roster{m_self};
    for (const auto& [member, heard] : m_heard) {
        const std::optional<Prepared>& theirs = heard.state.prepared;
        if (heard.holds_our_sets && theirs && theirs->ballot == ballot() &&
            theirs->digest == m_prepared->digest) {
            roster.push_back(member);
        }
    }
    std::sort(roster.begin(), roster.end());
    return roster;
}

void Round::on_sets_changed() {
    m_members = roster_of(m_sets, m_target, m_body);
    for (auto& [member, heard] : m_heard) heard.holds_our_sets = heard.state.sets == m_sets;
}

}  // namespace dynavg::protocol
