#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/actions.hpp"
#include "discovery/failure_detector.hpp"
#include "discovery/peer.hpp"
#include "discovery/peer_exchange.hpp"
#include "discovery/refusal_advice.hpp"
#include "discovery/refusal_log.hpp"
#include "discovery/seeds.hpp"
#include "protocol/core/peer_view.hpp"

namespace dynavg::discovery {

struct MembershipOptions {
    protocol::Member self;
    std::string name;               ///< For logs.
    protocol::Endpoints endpoints;  ///< As others dial them.
    /// Without any "averaging." field the node takes the network's (Actions::network_fields) and
    /// joins no peer until it has met one that has them.
    protocol::NetworkFields fields;
    protocol::Role role = protocol::Role::member;
    std::vector<Seed> seeds;
    /// The keys to let in; nothing: every peer, in a network without keys.
    std::optional<std::set<protocol::PeerId>> trusted{};
    protocol::Duration heartbeat_interval = std::chrono::milliseconds(500);
    /// For tests and simulations: instead of the timeout that the failure detector learns.
    std::optional<protocol::Duration> suspicion_timeout;
    std::uint64_t random_seed = 0;  ///< For jitter, and for the choice of a peer to ask.
};

/// Knows which peers are there, and nothing of rounds; makes the PeerView that the core decides
/// with.
///
/// Driven by a shell: it passes in what it receives and the time, then carries out take_actions().
/// Time never goes back. Assumes of the network only that `from` truly names the joined peer at the
/// other end of a connection; messages may be lost, repeated, reordered or late. Nothing that a
/// peer sends fails or grows anything above bounds.hpp.
///
/// The handshake: the dialer says Hello, the other answers HelloReply, and, if it accepts, dials
/// back the advertised address. A peer has joined for us once it answered our Hello without a
/// difference and we see none either; so both directions are proven. Not thread-safe. O(peers) per
/// call at most.
class Membership {
public:
    Membership(MembershipOptions options, protocol::Instant now);

    /// Someone else opened `connection` and says Hello.
    void on_hello(const ConnectionId& connection, const protocol::Hello& hello,
                  protocol::Instant now);
    /// Answer to our Hello; `dialed_address` as in the Dial.
    void on_hello_reply(const std::string& dialed_address, const protocol::HelloReply& reply,
                        protocol::Instant now);
    void on_heartbeat(protocol::PeerId from, const protocol::Header& header,
                      const protocol::Heartbeat& heartbeat, protocol::Instant now);
    /// Any other message: a sign of life.
    void on_heard(protocol::PeerId from, protocol::Instant now);
    void on_peers_request(protocol::PeerId from, protocol::Instant now);
    void on_peers_reply(protocol::PeerId from, const protocol::PeersReply& reply,
                        protocol::Instant now);
    void on_goodbye(protocol::PeerId from, protocol::Instant now);
    /// Over this connection came a message of another life of `from` than the one that has joined.
    /// If the peer has moved since, that earlier life may still run: it is told of the later one.
    void on_former_life(const ConnectionId& connection, protocol::PeerId from,
                        protocol::Instant now);
    void on_tick(protocol::Instant now);
    /// Sets the Unix time of now. To be called whenever it may have jumped; in between it goes on
    /// with the time that is passed in. Only for clock_offset().
    void set_wall_clock(std::uint64_t unix_ms, protocol::Instant now);
    /// Unix time in milliseconds, as last told.
    [[nodiscard]] std::uint64_t unix_ms(protocol::Instant now) const;
    /// From now on these are let in; others that are here are disconnected.
    void set_trusted(std::set<protocol::PeerId> trusted);
    /// In a network without keys every peer is.
    [[nodiscard]] bool is_trusted(protocol::PeerId peer) const;
    /// The peer `proven` says that it is the sender of `hello`. Only an event comes of it.
    void on_impostor(protocol::PeerId proven, const protocol::Hello& hello,
                     const std::string& where, protocol::Instant now);
    /// More peers, by the word of `teller`; those that are not trusted are ignored.
    void on_told(protocol::PeerId teller, const std::vector<protocol::KnownPeer>& peers,
                 protocol::Instant now);
    /// The peers that a newcomer should know: all that have been met and have not left.
    [[nodiscard]] std::vector<protocol::KnownPeer> acquaintances() const {
        return peers_to_remember().peers;
    }

    /// The addresses of the configuration are others now; see Seeds::configure().
    void set_seeds(const std::vector<Seed>& seeds);

    /// Valid until the next call.
    [[nodiscard]] const protocol::PeerView& view() const { return m_view; }
    /// Of the view, or null; valid until the next call.
    [[nodiscard]] const protocol::PeerInfo* joined(const protocol::PeerId& peer) const;
    /// Whether something that the core decides by has changed since the last call.
    [[nodiscard]] bool take_view_changed();
    [[nodiscard]] Actions take_actions();

    /// Everything in which a node that asks to be dialed back differs, and whether its identity is
    /// in use elsewhere.
    [[nodiscard]] std::vector<protocol::FieldDifference> differences_of_probe(
        const protocol::Hello& hello) const;

    /// Own Hello, with the averaging fields once they are known.
    [[nodiscard]] const protocol::Hello& hello() const { return m_hello; }
    /// The longest time between two heartbeats of this peer's life; zero if unknown.
    [[nodiscard]] protocol::Duration longest_heartbeat_gap(protocol::PeerId peer) const;
    /// The difference of a peer's wall clock to ours; none before its first heartbeat.
    [[nodiscard]] std::optional<ClockOffset> clock_offset(protocol::PeerId peer) const;
    /// How far this node's clock is from those of the live peers (clock_skew.hpp).
    [[nodiscard]] std::optional<ClockOffset> skew() const;
    [[nodiscard]] std::size_t live_count() const;
    /// No member is live: observers are no company, as they lead to no round.
    [[nodiscard]] bool is_alone() const;
    /// Everything remembered about others, for tests of the bounds.
    [[nodiscard]] std::size_t remembered() const;

private:
    using Instant = protocol::Instant;
    using Duration = protocol::Duration;
    using PeerId = protocol::PeerId;
    using Differences = std::vector<protocol::FieldDifference>;
    // membership_handshake.cpp
    [[nodiscard]] Differences objections(const protocol::Hello& hello) const;
    [[nodiscard]] Peer* admit(const protocol::Hello& hello, Instant now);
    void on_own_reply(const std::string& dialed_address, const protocol::HelloReply& reply,
                      Instant now);
    void take_fields(const protocol::Hello& hello, Instant now);
    void join(Peer& peer, Instant now);
    void refused(RefusedBy side, const protocol::Hello& hello, const std::string& address,
                 const Differences& differences, Instant now);
    void hang_up(const std::string& address);
    [[nodiscard]] bool make_room();
    void learn(PeerId teller, const std::vector<protocol::KnownPeer>& peers);

    // membership_lives.cpp
    [[nodiscard]] std::vector<protocol::KnownPeer> later_life_of(
        const protocol::Hello& hello) const;
    void look_for_own_later_life(PeerId teller, const std::vector<protocol::KnownPeer>& told);
    void replaced(const protocol::Hello& by);
    [[nodiscard]] protocol::FieldDifference in_two_places(const std::string& name,
                                                          const std::string& address,
                                                          const Peer& known) const;
    void report_joined(const Peer& peer);

    // membership.cpp
    void observe_time(Instant now);
    [[nodiscard]] Peer* find(PeerId peer);
    void heard(Peer& peer, Instant now);
    void revive(Peer& peer, Instant now);
    void lose(Peer& peer, PeerState state, Instant now);
    void erase(PeerId peer);
    void disconnect(PeerId peer);
    void publish_view();
    void touch(Peer& peer);
    [[nodiscard]] std::vector<protocol::KnownPeer> live_peers(PeerId but) const;
    [[nodiscard]] protocol::KnownPeers peers_to_remember() const;
    [[nodiscard]] Instant next_tick() const;

    // membership_tick.cpp
    void tick_peer(Peer& peer, Instant now);
    void dial(Peer& peer, Instant now);
    void give_up(PeerId id, Instant now);
    void ask_for_peers(Instant now);

    MembershipOptions m_options;
    protocol::Hello m_hello;
    protocol::RandomStream m_random;
    std::map<PeerId, Peer> m_peers;
    Seeds m_seeds;
    LearnedAddresses m_learned;
    RefusalLog m_refusals;
    LocalHealth m_health;
    protocol::PeerView m_view;
    bool m_view_changed = true;
    bool m_peers_changed = false;
    protocol::KnownPeers m_remembered;  ///< As last told to the shell.
    Actions m_actions;
    Instant m_now;  ///< Latest time seen.
    Instant m_next_heartbeat;
    Instant m_next_peers_request;
    Instant m_expected_tick = protocol::kNever;
    std::int64_t m_unix_ms_at_zero = 0;  ///< Unix time when the driver's clock was at its begin.
};

}  // namespace dynavg::discovery
