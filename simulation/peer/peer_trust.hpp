#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "peer/node.hpp"
#include "peer/trust_desk.hpp"
#include "simulation/network.hpp"
#include "simulation/peer/sim_disk.hpp"

namespace dynavg::simulation {

/// The trust that a peer of a network with keys begins with. Its own key is its PeerId.
struct PeerKeys {
    /// Of its seeds, by address: configured, and so trusted.
    std::map<std::string, protocol::PeerId> of_seeds;
    /// The public half of the network's token.
    std::optional<protocol::PeerId> token;
};

/// The other end of a connection: a life of a peer.
using FarEnd = std::pair<PeerIndex, std::uint32_t>;

struct PeerTrustHandlers {
    std::function<protocol::Instant()> now;
    std::function<void(const protocol::Event&)> on_event;
    /// The list is on disk as it stands.
    std::function<void()> on_kept;
    std::function<void(const protocol::PeerId&, peer::LetIn)> on_let_in;
};

/// The doors of one life of a simulated peer in a network with keys: does with the TrustDesk what
/// the daemon's Doorkeeper does, over connections that are let in once and then stay. Token and
/// list are files on the peer's disk.
class PeerTrust {
public:
    /// `dynavg join`: before anything else is on the disk, and nothing later.
    static void join(const PeerKeys& keys, SimDisk& disk);
    /// The disk is borrowed.
    PeerTrust(const PeerKeys& keys, protocol::PeerId self, SimDisk& disk,
              PeerTrustHandlers handlers);
    /// Before any input.
    void attach(peer::Node& node) { m_node = &node; }

    /// A message comes over a connection of this far end, which owns the key.
    [[nodiscard]] bool lets_in(const FarEnd& from, const protocol::PeerId& key, peer::Door door);
    /// The same for a connection that shows a token instead.
    [[nodiscard]] bool lets_in_by_token(const FarEnd& from, const protocol::PeerId& token);
    /// The token that such a connection has shown when it was let in.
    [[nodiscard]] std::optional<protocol::PeerId> token_of(const FarEnd& from) const;

    [[nodiscard]] const peer::TrustDesk& desk() const { return m_desk; }
    [[nodiscard]] peer::TrustDesk& desk() { return m_desk; }
    /// The key that this life shows to others.
    [[nodiscard]] const std::optional<protocol::PeerId>& shown_token() const { return m_shown; }
    /// All but hang_up and answer, which are the caller's.
    void carry_out(peer::TrustActions actions);
    void take_word(const discovery::Told& told) { carry_out(m_desk.on_told(told)); }
    void on_tick();

    /// `dynavg token --new` or `--close`. False: the disk refuses, and all is as before.
    bool change_token(std::optional<protocol::PeerId> token);

private:
    [[nodiscard]] bool keep();

    SimDisk& m_disk;
    peer::Node* m_node = nullptr;
    PeerTrustHandlers m_handlers;
    std::optional<protocol::PeerId> m_shown;
    peer::TrustDesk m_desk;
    std::set<std::pair<FarEnd, peer::Door>> m_connected;
    /// With the token that each has shown, and until when such a connection is not doubted.
    std::map<FarEnd, std::pair<protocol::PeerId, protocol::Instant>> m_token_holders;
};

}  // namespace dynavg::simulation
