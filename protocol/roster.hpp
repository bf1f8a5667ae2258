#pragma once

#include "protocol/ids.hpp"
#include "protocol/messages.hpp"

namespace dynavg::protocol {

/// Who is in a round: a pure function of the attempt's sets, the same for whoever holds the same
/// sets. Candidates without the excluded; while an accusation lies inside, the peer that is in most
/// of them (made or received) is dropped, ties: the last in order. A pair that accuses each other
/// counts once.
[[nodiscard]] Roster roster_of(const RoundSets& sets);

/// Dynamic linear voting: more than half of `last`, or exactly half with its first member. Votes
/// are by PeerId: a restarted peer keeps its vote.
[[nodiscard]] bool has_quorum(const Roster& members, const Roster& last);

}  // namespace dynavg::protocol
