#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "simulation/peer/peer.hpp"

namespace dynavg::simulation {

/// Remembers what a person has said at each peer of a network with keys, and finds what goes
/// against it: a key that was revoked at a peer is let in, heard or served there, or a token that
/// is void at a peer opens something there. The answers say what is wrong; empty: nothing.
class TrustChecker {
public:
    /// An order that was not on disk is forgotten with a life, as the person was told.
    void on_started(const Peer& peer);
    void on_said(const Peer& peer, const TrustSaid& said);
    void on_kept(const Peer& peer);

    using Wrong = std::optional<std::string>;
    [[nodiscard]] Wrong on_let_in(const Peer& peer, const protocol::PeerId& key,
                                  peer::LetIn as) const;
    [[nodiscard]] Wrong on_served(const Peer& peer, const protocol::PeerId& key,
                                  peer::Door door) const;
    [[nodiscard]] Wrong on_introduced(const Peer& peer, const protocol::PeerId& token) const;
    [[nodiscard]] Wrong check(const Peer& peer) const;

private:
    struct Said {
        std::set<protocol::PeerId> revoked;
        std::set<protocol::PeerId> revoked_on_disk;
        std::optional<protocol::PeerId> token;
    };
    std::map<PeerIndex, Said> m_said;
};

}  // namespace dynavg::simulation
