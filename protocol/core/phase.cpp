#include "protocol/core/phase.hpp"

#include <algorithm>
#include <utility>

#include "protocol/base/limits.hpp"
#include "protocol/wire/codec.hpp"

namespace dynavg::protocol {

void InRound::begin_attempt(Round next, Instant now) {
    round = std::move(next);
    attempt_since = last_progress = last_word = now;
    progress_heard.clear();
    asked_value.reset();
}

void InRound::hear_progress(const PeerId& from, const RoundStatus& status, Instant now) {
    std::uint32_t& known = progress_heard[from];
    if (status.attempt != round.attempt() || status.progress == known) return;
    known = status.progress;
    last_progress = now;
}

bool InRound::knows(const Member& from, const RoundStatus& status) const {
    const RoundState* heard = round.heard(from);
    return heard != nullptr && heard->target == status.target && heard->attempt == status.attempt &&
           wire::digest_of(*heard) == status.state;
}

bool InRound::accuse_the_silent(const Member& self, const PeerTable& peers, Instant now) {
    if (!round.is_member()) return false;
    bool changed = false;
    for (const Member& member : Roster(round.members())) {
        if (member == self) continue;
        const PeerInfo* peer = peers.find(member.id);
        const bool known = peer != nullptr && peer->member == member;
        const Duration patience = known ? peer->suspicion_timeout : peers.suspicion_timeout_max();
        // A member that has joined the round and is gone, or lives again as another member, is
        // silent too.
        const bool reborn = peer != nullptr && peer->member.incarnation > member.incarnation;
        const bool silent = known ? !peer->live : reborn || round.has_heard(member);
        const bool late = !round.has_heard(member) && now - attempt_since > patience;
        if (silent || late) changed |= round.accuse(member);
    }
    return changed;
}

bool InRound::has_timed_out(const PeerTable& peers, Instant now) const {
    return now - std::max(attempt_since, last_progress) >
               limits::kAttemptSuspicionTimes * peers.suspicion_timeout_max() &&
           round.attempt().value() < limits::kAttemptMax;
}

}  // namespace dynavg::protocol
