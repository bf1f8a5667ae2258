#pragma once

#include <cstddef>
#include <map>
#include <set>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/peer_view.hpp"

namespace dynavg::protocol {

/// The other peers, as discovery last told of them, and those of them that hold the reference in
/// force. Discovery learns a peer's reference from its heartbeats; any other message under the
/// reference in force says the same sooner, see add_holder(). NodeCore fills the table, the other
/// parts read it.
class PeerTable {
public:
    explicit PeerTable(const Member& self) : m_self(self) {}

    /// Takes over what discovery knows now. True if peers have come or gone since the last time.
    bool update(const PeerView& view);
    /// This peer has sent something under the reference in force. True if that is news.
    bool add_holder(const Member& member) { return m_holders.insert(member).second; }
    /// This peer has sent something under a later reference.
    void remove_holder(const Member& member) { m_holders.erase(member); }
    [[nodiscard]] bool is_holder(const Member& member) const { return m_holders.contains(member); }
    /// These have left with the last round: they count as live no more, whatever discovery says.
    void discount(const Roster& leaving);
    /// Another reference is in force: nobody has sent anything under it yet.
    void on_reference() { m_holders.clear(); }

    [[nodiscard]] const PeerView& view() const { return m_view; }
    /// nullptr if discovery does not know this peer.
    [[nodiscard]] const PeerInfo* find(const PeerId& id) const;
    /// This peer and all live ones, whatever reference they hold; sorted.
    [[nodiscard]] Roster live() const;
    /// This peer and the live ones that hold the reference in force, which is `reference`; sorted.
    [[nodiscard]] Roster live_holders(const ReferenceId& reference) const;
    /// The other live peers whose last heartbeat named this reference, which may be any.
    [[nodiscard]] Roster live_at(const ReferenceId& reference) const;
    /// Before the first round: until when a peer that has joined and was not heard yet may turn out
    /// to have the reference of a network behind it. An instant that has passed: there is no such
    /// peer. kNever: a live peer is known to have such a reference, and this peer adopts it.
    [[nodiscard]] Instant first_heartbeats_until() const;
    /// The longest suspicion timeout of all live peers.
    [[nodiscard]] Duration suspicion_timeout_max() const;

private:
    Member m_self;
    PeerView m_view;
    std::map<PeerId, std::size_t> m_places;  ///< In m_view.
    std::set<Member> m_holders;
};

/// This member of `roster` is live and remembers its promises there.
[[nodiscard]] bool has_live_voter(const PeerId& peer, const Roster& roster, const PeerTable& peers);

}  // namespace dynavg::protocol
