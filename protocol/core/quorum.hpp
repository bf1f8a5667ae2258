#pragma once

#include <cstdint>

#include "protocol/base/ids.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/round/electorate.hpp"
#include "protocol/round/round.hpp"

namespace dynavg::protocol {

/// The first life whose promises each peer still remembers, by the latest word of that peer. A
/// view: it lives no longer than the objects that it refers to.
struct VoterLookup {
    Voter self;
    const PeerTable& peers;
    const Round* round = nullptr;  ///< The round in progress, if any: its words are the latest.

    [[nodiscard]] Voters of(const Roster& roster) const;
};

/// Whether a set of peers may speak for all (docs/protocol.md, "Roster, body and quorum"). A view.
struct Quorum {
    QuorumRule rule = QuorumRule::majority;
    std::uint32_t start_peers = 1;
    const Electorate& electorate;
    VoterLookup voters;

    /// These peers may speak for the last roster. Before the first round there is none: then the
    /// candidates stand in for it, and the peers that were to start together.
    [[nodiscard]] bool is_sufficient(const Roster& peers) const;
    /// In a merge there is a roster behind each of the members' references: these peers may speak
    /// for every such roster. Only within a round.
    [[nodiscard]] bool is_sufficient_for_all(const Roster& peers) const;
};

/// The round is a merge: it makes one network again of several.
[[nodiscard]] bool is_merge(const Round& round);

}  // namespace dynavg::protocol
