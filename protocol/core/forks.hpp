#pragma once

#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/core/quorum.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The answer of Forks to a reference that has no place in this peer's history.
struct ForkHeard {
    bool is_new = false;  ///< The first such word of this peer.
    bool ask = false;     ///< Its history is to be asked for, up from that reference.
};

/// Whether this peer's side of a fork may go on by itself: it has a quorum of its own voters.
enum class OwnSide : std::uint8_t { may_go_on, may_not };

/// This peer's past ends: it takes over the history and the reference of that side.
struct Absorb {
    PeerId source;
    ReferenceId reference;
};
/// Both sides may go on: a merge round over all of them makes one network again.
struct Merge {};
using ForkOutcome = std::variant<std::monostate, Absorb, Merge>;

/// Peers whose reference has no common past with this one's, after a separation with
/// quorum = "none" or where two networks that started apart meet (docs/protocol.md, "Forks").
///
/// A fork is *detected* (a peer has named such a reference) -> *known* (its history has told who
/// votes there) -> *resolved*, by what resolve() returns: a side without a quorum of its own voters
/// is absorbed by one that has it, two that have it merge. It ends when another reference is in
/// force, when the peer goes, or when the peer names a reference of this history. At most one fork
/// per peer.
class Forks {
public:
    explicit Forks(QuorumRule quorum) : m_quorum(quorum) {}

    /// This peer has named a reference that is not in the history here.
    [[nodiscard]] ForkHeard on_reference(const PeerId& from, const ReferenceId& theirs,
                                         Instant now);
    /// The answer to a question for a history. False if none was asked, or if the answer is older
    /// than the reference that the peer has named.
    [[nodiscard]] bool on_history(const PeerId& from, const std::vector<HistoryEntry>& entries);
    /// The merge for this target is still open here, and `from` is past it, in a roster without
    /// this peer: the merge is begun anew, for a later epoch.
    void on_merged_without_us(const PeerId& from, Epoch target);
    /// The peer holds a reference of this peer's history: there is no fork.
    void end(const PeerId& from) { m_forks.erase(from); }
    /// Another reference is in force.
    void clear() { m_forks.clear(); }
    template <class Keeps>
    void keep_only(Keeps keeps) {
        std::erase_if(m_forks, [&keeps](const auto& entry) { return !keeps(entry.first); });
    }

    [[nodiscard]] bool empty() const { return m_forks.empty(); }
    [[nodiscard]] bool contains(const PeerId& peer) const { return m_forks.contains(peer); }
    [[nodiscard]] bool is_at(const PeerId& peer, const ReferenceId& reference) const;
    [[nodiscard]] bool has_merged_without_us(const PeerId& peer, Epoch target) const;

    /// The step that is due now, if any. `merging` is the target of the merge in progress, if there
    /// is one.
    [[nodiscard]] ForkOutcome resolve(const VoterLookup& voters, std::optional<Epoch> merging,
                                      OwnSide own) const;
    /// The highest epoch of all ends of the fork, this peer's included.
    [[nodiscard]] Epoch last_epoch(Epoch own) const;
    /// All peers at one of the ends of the fork; those at this peer's end are `own`. A peer that is
    /// merely behind adopts later.
    [[nodiscard]] Roster merge_candidates(const Roster& own, const PeerTable& peers) const;

private:
    struct Fork {
        ReferenceId reference;
        Roster voters;  ///< Empty until its history has told.
        Instant asked{};
        std::optional<Epoch> merged_without_us;  ///< Target of the merge.
    };

    QuorumRule m_quorum;
    std::map<PeerId, Fork> m_forks;
};

}  // namespace dynavg::protocol
