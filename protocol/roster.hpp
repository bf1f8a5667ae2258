#pragma once

#include "protocol/ids.hpp"
#include "protocol/messages.hpp"

namespace dynavg::protocol {

/// Who is in a round: a pure function of the attempt's sets, the same for whoever holds the same
/// sets. Candidates without the excluded, of each peer its latest life only; while an accusation
/// lies inside, the peer that is in most of them (made or received) is dropped, ties: the last in
/// order. A pair that accuses each other counts once.
[[nodiscard]] Roster roster_of(const RoundSets& sets);

}  // namespace dynavg::protocol
