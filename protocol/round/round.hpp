#pragma once

#include <map>
#include <optional>
#include <utility>

#include "protocol/base/ids.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// One attempt at one target epoch, as one peer sees it: the sets, which only grow, the sets that
/// the others tell, and the value that each member is prepared for. It knows no time and sends
/// nothing: that is NodeCore's part. Sources: dynamic linear voting (Jajodia and Mutchler 1990) for
/// the roster, ballots as in Paxos for the value.
class Round {
public:
    /// `body` votes on the target; empty in a merge, where there are several bodies, and before the
    /// first round.
    Round(Epoch target, Attempt attempt, Member self, Evidence evidence, Roster body);

    [[nodiscard]] Epoch target() const { return m_target; }
    [[nodiscard]] Attempt attempt() const { return m_attempt; }
    [[nodiscard]] const Evidence& evidence() const { return m_evidence; }
    [[nodiscard]] const RoundSets& sets() const { return m_sets; }
    [[nodiscard]] const Roster& members() const { return m_members; }
    /// Members that leave with this round.
    [[nodiscard]] Roster leaving() const { return leaving_of(m_members); }
    /// The members of `roster` that leave. Each leaver says so before a roster with it is settled.
    [[nodiscard]] Roster leaving_of(const Roster& roster) const;
    [[nodiscard]] bool is_member() const { return contains(m_members, m_self); }
    [[nodiscard]] Ballot ballot() const;
    [[nodiscard]] ExchangeKey key() const;

    /// These add to the sets, within their limits; true if something was new.
    bool merge(const RoundSets& theirs);
    bool accuse(const Member& accused);
    bool exclude(const Member& member);
    /// This peer goes once the round is over.
    void leave();

    /// The latest word of another peer on this target and attempt.
    void hear(const Member& from, const RoundState& state);
    [[nodiscard]] bool has_heard(const Member& member) const { return m_heard.contains(member); }
    [[nodiscard]] const RoundState* heard(const Member& member) const;

    /// This peer is a member, and all other members hold the same sets.
    [[nodiscard]] bool agreed() const;

    // --- prepare ---
    [[nodiscard]] const std::optional<Prepared>& prepared() const { return m_prepared; }
    [[nodiscard]] bool prepared_in_this_ballot() const;
    /// Takes over the value that was prepared in an earlier attempt at the same target.
    void keep_prepared(std::optional<Prepared> prepared) { m_prepared = std::move(prepared); }
    /// In the present ballot.
    void prepare(const Prepared& prepared);
    /// The value of the highest ballot of all that members, this peer included, have prepared: some
    /// peer may have committed it.
    [[nodiscard]] std::optional<Prepared> best_prepared() const;
    /// A member that holds this value prepared, other than this peer.
    [[nodiscard]] std::optional<Member> holder_of(const Digest& digest) const;
    /// The members that are prepared in this ballot for the value that this peer is prepared for;
    /// empty if this peer is not prepared.
    [[nodiscard]] Roster acknowledged() const;

private:
    /// Another peer's latest word, and whether it holds this peer's sets.
    struct Heard {
        RoundState state;
        bool holds_our_sets = false;
    };

    void on_sets_changed();

    Epoch m_target;
    Attempt m_attempt;
    Member m_self;
    Evidence m_evidence;
    Roster m_body;
    RoundSets m_sets;
    Roster m_members;
    std::map<Member, Heard> m_heard;
    std::optional<Prepared> m_prepared;
};

}  // namespace dynavg::protocol
