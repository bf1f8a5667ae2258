#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/round/electorate.hpp"
#include "protocol/wire/durable.hpp"

namespace dynavg::protocol {

/// The voters on the next reference, and those of them that are let go, because a person said that
/// they will not come back (docs/protocol.md, "Forget"). It owns the Electorate.
///
/// A voter that is let go is *named* (a person said so, here or at another peer) -> *departing* (it
/// is in this peer's promise, on its way to the disk) -> *acknowledged* (the promise is written,
/// and this peer counts its vote no more) -> *departed* (a quorum has acknowledged it). A named
/// voter that comes back is not let go. The caller keeps the order: it writes the promise with
/// departing() before it calls acknowledge().
class Departures {
public:
    explicit Departures(const Member& self) : m_self(self) {}

    /// A new roster is in force: `roster` is the last one in full, `voters` are those of it that
    /// vote on the next reference. The roster may hold a named peer once more, if that peer died
    /// after it gave its contribution.
    void on_roster(const Roster& voters, const Roster& roster, const PeerTable& peers);
    /// After a restart: the voters on the next reference, and the earlier life's promise about
    /// them, if any. A departure that is in force already is reported anew in this life's log.
    void restore(const Roster& voters, const std::optional<Promise>& promise);

    /// A person says, here, that this voter will not come back.
    void name(const PeerId& peer) { m_named.insert(peer); }
    /// Another voter acknowledges these.
    void hear(const Voter& from, const std::vector<PeerId>& departed) {
        m_electorate.hear(from, departed);
    }
    /// Names the peers that other voters let go, and drops those that are back: `roster` is the
    /// last one.
    void review(const Roster& roster, const PeerTable& peers);
    /// Moves all that are named to departing(); true if a promise must be written for that.
    [[nodiscard]] bool let_go();
    /// The promise is written. False if it does not hold all that are departing by now.
    bool acknowledge(const Promise& written);
    /// This peer adopts a reference of others, to whom the named peers may have come back.
    void drop_named() { m_named.clear(); }

    [[nodiscard]] const std::set<PeerId>& departing() const { return m_departing; }
    [[nodiscard]] const Electorate& electorate() const { return m_electorate; }
    /// One event for each departure that came into force since the last call.
    [[nodiscard]] std::vector<Event> report();

private:
    Member m_self;
    Electorate m_electorate;
    std::set<PeerId> m_named;
    std::set<PeerId> m_departing;  ///< Of this electorate; on disk or on the way there.
    std::size_t m_reported_body = 0;
};

}  // namespace dynavg::protocol
