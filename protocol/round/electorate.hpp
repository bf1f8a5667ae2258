#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/base/ids.hpp"

namespace dynavg::protocol {

/// A peer as a voter. Its vote counts for an earlier life of it only if it still knows the promises
/// of that life.
struct Voter {
    Member member;
    Incarnation remembers;
};

using Voters = std::vector<Voter>;

/// Whether these peers may speak for `roster`: dynamic linear voting, more than half of it or
/// exactly half with its first member.
[[nodiscard]] bool has_quorum(const Voters& voters, const Roster& roster);

/// The body that votes on the next reference: the roster behind the one in force, without the peers
/// that a person has said will not come back. Such a departure is in force once a quorum has
/// acknowledged it; the vote of the forgotten peer counts among them, as the person speaks for that
/// peer. Then the rest is the body. A peer that has acknowledged a departure counts the forgotten
/// peer's vote no more, whether the departure is in force or not: so any quorum of the old body
/// shares a peer with any quorum of the new one.
class Electorate {
public:
    Electorate() = default;
    /// Empty: before the first round there is no body.
    explicit Electorate(Roster roster) : m_roster(std::move(roster)) {}

    /// This peer itself acknowledges. The caller writes the acknowledgement to disk before.
    void acknowledge(const std::vector<PeerId>& departed, const Voter& self);
    /// Another voter acknowledges these.
    void hear(const Voter& from, const std::vector<PeerId>& departed);

    /// The roster without those whose departure is in force; never empty unless the roster is.
    [[nodiscard]] const Roster& body() const { return m_body; }
    [[nodiscard]] bool has_quorum(const Voters& voters) const;
    [[nodiscard]] bool has_departed(const PeerId& peer) const;
    [[nodiscard]] bool holds(const PeerId& peer) const;
    /// Sorted.
    [[nodiscard]] std::vector<PeerId> acknowledged() const;
    /// The departures that others acknowledge and this peer does not yet; sorted.
    [[nodiscard]] std::vector<PeerId> proposed() const;

private:
    void update();

    Roster m_roster;
    Roster m_body = m_roster;
    std::set<PeerId> m_acknowledged;
    std::map<PeerId, std::map<PeerId, Voter>> m_heard;  ///< Departing -> who acknowledges it.
};

}  // namespace dynavg::protocol
