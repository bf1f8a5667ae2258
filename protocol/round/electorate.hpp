#pragma once

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "protocol/base/ids.hpp"

namespace dynavg::protocol {

/// A peer as a voter: its vote counts for an earlier life of it only if it still knows what that
/// life had promised.
struct Voter {
    Member member;
    Incarnation remembers;
};

using Voters = std::vector<Voter>;

/// Whether these peers may speak for `roster`: dynamic linear voting, more than half of it or
/// exactly half with its first member.
[[nodiscard]] bool has_quorum(const Voters& voters, const Roster& roster);

/// The roster behind the reference in force as the body that votes on the next one, and who of it
/// has been forgotten: a person said that it will not come back. That is in force once a quorum has
/// acknowledged it, the forgotten one's own vote included, as the person speaks for it; then the
/// rest is the body. A peer that has acknowledged it counts that vote no more, whether in force or
/// not: so any quorum of the old body meets any quorum of the new one.
class Electorate {
public:
    Electorate() = default;
    /// Empty: before the first round there is no body.
    explicit Electorate(Roster roster) : m_roster(std::move(roster)) {}

    /// This peer itself acknowledges; keep it on disk before.
    void acknowledge(const std::vector<PeerId>& departed, const Voter& self);
    /// What another voter acknowledges.
    void hear(const Voter& from, const std::vector<PeerId>& departed);

    /// The roster without those whose departure is in force; never empty unless the roster is.
    [[nodiscard]] const Roster& body() const { return m_body; }
    [[nodiscard]] bool has_quorum(const Voters& voters) const;
    [[nodiscard]] bool has_departed(const PeerId& peer) const;
    [[nodiscard]] bool holds(const PeerId& peer) const;
    /// Sorted.
    [[nodiscard]] std::vector<PeerId> acknowledged() const;
    /// What others acknowledge and this peer does not yet; sorted.
    [[nodiscard]] std::vector<PeerId> proposed() const;

private:
    void update();

    Roster m_roster;
    Roster m_body = m_roster;
    std::set<PeerId> m_acknowledged;
    std::map<PeerId, std::map<PeerId, Voter>> m_heard;  ///< Departing -> who acknowledges it.
};

}  // namespace dynavg::protocol
