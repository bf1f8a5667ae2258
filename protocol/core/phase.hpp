#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <variant>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/round/round.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// No round is open. Local training goes on, and Judgement looks whether a round is due. Entered by
/// an install, and at the start; left by a round call, this peer's own or another's.
struct Training {};

/// A round is open, and its contribution is frozen. Entered by a round call. A new attempt, or a
/// merge above the round, stays in this phase with a new Round. Left by an install only: of the
/// value that this round has committed, or of a reference that was pulled.
struct InRound {
    Round round;
    Instant called_at;      ///< Of its first attempt.
    Instant attempt_since;  ///< Of the present attempt.
    Instant last_progress;  ///< Of anybody's part of the exchange.
    Instant last_word;      ///< When the round's status was last repeated.
    std::map<PeerId, std::uint32_t> progress_heard{};  ///< RoundStatus::progress of the others.
    std::optional<ExchangeKey> exchanging{};           ///< The exchange that was ordered.
    std::optional<RoundId> reported{};                 ///< The roster that the log has told of.
    ReferencePointer prepared_value{};                 ///< Of round.prepared(); null without one.
    Instant prepared_at{};                             ///< When this peer became prepared for it.
    std::optional<Certificate> certificate{};          ///< Of the exchange that made a value.
    std::optional<Digest> asked_value{};  ///< A value that another member is asked for.

    /// Another attempt, or a merge above it. Deadlines begin anew, and nothing is asked for.
    void begin_attempt(Round next, Instant now);
    /// Another member's progress in this attempt. As long as one member gets on, no member starts a
    /// new attempt.
    void hear_progress(const PeerId& from, const RoundStatus& status, Instant now);
    /// This word of a member is known already: its RoundState need not be asked for.
    [[nodiscard]] bool knows(const Member& from, const RoundStatus& status) const;
    /// Accuses the links to members that are silent, or that have not joined in time. True if the
    /// sets have grown.
    bool accuse_the_silent(const Member& self, const PeerTable& peers, Instant now);
    /// Neither settled nor finished in time: the next attempt is due.
    [[nodiscard]] bool has_timed_out(const PeerTable& peers, Instant now) const;
};

/// The phase of a peer. A pull is no phase of its own: a peer may hear that others have committed
/// while its own round is open. Then the round goes on beside the pull, since the source may fail
/// and the round may still commit the same value. The one that is first ends both; see Adoption.
using Phase = std::variant<Training, InRound>;

}  // namespace dynavg::protocol
