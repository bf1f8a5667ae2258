#pragma once

#include "protocol/base/ids.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The members of a round for `target`: a pure function of the attempt's sets and of the reference,
/// the same for all that hold the same. Candidates without the excluded, of each peer its latest
/// life only; while an accusation lies inside, the peer that is in most of them (made or received)
/// is dropped. A pair that accuses each other counts once. Of several that are in equally many,
/// each has its turn, epoch by epoch: so a link that is cut for good keeps neither of its ends out
/// for good. But nobody's turn may cost the quorum of `body`, the roster behind the reference
/// (empty: none, or not one only), where another's does not.
[[nodiscard]] Roster roster_of(const RoundSets& sets, Epoch target, const Roster& body);

/// Of each peer: one that has restarted is a new member, and its earlier lives will not answer.
void keep_latest_lives(Roster& roster);

}  // namespace dynavg::protocol
