#pragma once

#include "protocol/base/ids.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The members of a round for `target`: a pure function of the attempt's sets and of the reference,
/// so peers that hold the same sets find the same roster. It starts as the candidates without the
/// excluded, of each peer its latest life only. While both ends of an accusation are in it, the
/// peer that is in most accusations (made or received) is dropped. A pair that accuses each other
/// counts once. If several peers are in equally many accusations, each has its turn, epoch by
/// epoch: so a link that is cut for good keeps neither of its ends out for good. But a turn that
/// would cost the quorum of `body` is passed on, if there is a peer whose turn would not. `body` is
/// the roster behind the reference (empty: there is none, or, in a merge, more than one).
[[nodiscard]] Roster roster_of(const RoundSets& sets, Epoch target, const Roster& body);

/// Keeps one life of each peer: a peer that has restarted is a new member, and its earlier lives
/// will not answer.
void keep_latest_lives(Roster& roster);

}  // namespace dynavg::protocol
