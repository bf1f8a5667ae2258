#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "discovery/membership.hpp"
#include "discovery/probe_desk.hpp"
#include "protocol/core/node_core.hpp"
#include "protocol/wire/codec.hpp"

namespace dynavg::peer {

/// An encoded message and how its bytes are counted.
struct Frame {
    protocol::wire::Bytes bytes;
    protocol::Traffic traffic = protocol::Traffic::overhead;
};

/// The shell's orders; carry_out() has the order in which they are carried out.
struct NodeActions {
    std::optional<protocol::NetworkFields> network_fields;  ///< See Actions; then start_core().
    std::vector<protocol::PeerId> disconnects;
    std::vector<std::string> hangups;
    std::vector<discovery::Connect> connects;
    std::vector<std::pair<discovery::Dial, Frame>> dials;  ///< With the Hello to send there.
    std::vector<std::pair<discovery::ConnectionId, Frame>> replies;
    /// Its messages and events have moved into the members below.
    protocol::Actions rounds;
    std::vector<Frame> publish;
    std::vector<std::pair<protocol::PeerId, Frame>> sends;
    std::vector<protocol::Event> events;
    std::vector<discovery::Told> told;  ///< See Actions.
    std::vector<discovery::DialBack> dial_backs;
    std::optional<protocol::KnownPeers> known_peers;  ///< See Actions.
    bool replaced = false;                            ///< See Actions.
    protocol::Instant next_tick = protocol::kNever;
};

/// How long a node that leaves waits for its last round. It is well below the time that a service
/// manager grants; a last round that the others miss takes no longer than their suspicion.
inline constexpr protocol::Duration kHandOverTimeout = std::chrono::seconds(20);

/// One peer's gossip and direct channels as a value machine: Membership (the peers that are there)
/// and NodeCore (the rounds) behind encoded bytes. The daemon's io thread and the simulator drive
/// the same class. The core hears of members only: observers are kept apart here, and the only
/// message of an observer that reaches the core is a HistoryRequest. Bytes from peers never throw:
/// a message that cannot be decoded, is of another network, or is not from the peer that it names,
/// is refused. Not thread-safe.
class Node {
public:
    using Bytes = std::span<const std::byte>;
    /// The kind of a received message; nothing if it was refused.
    using Verdict = std::optional<protocol::Traffic>;

    Node(protocol::NetworkId network, discovery::MembershipOptions membership,
         protocol::Instant now);

    /// Until then only discovery runs: a joiner may have to learn the network's settings first.
    void start_core(protocol::NodeCoreOptions options, protocol::Instant now);

    [[nodiscard]] Verdict on_gossip(const protocol::PeerId& publisher, Bytes bytes,
                                    protocol::Instant now);
    [[nodiscard]] Verdict on_direct(const discovery::ConnectionId& connection,
                                    const discovery::ProvenPeer& proven, Bytes bytes,
                                    protocol::Instant now);
    [[nodiscard]] Verdict on_reply(const std::string& dialed_address,
                                   const discovery::ProvenPeer& proven, Bytes bytes,
                                   protocol::Instant now);
    /// A holder of the network's token introduces itself; nothing if it is of another network. The
    /// caller decides whether to trust the key, and then answers with introduction_reply().
    [[nodiscard]] std::optional<protocol::Hello> on_introduction(Bytes bytes) const;
    [[nodiscard]] Frame introduction_reply();
    /// The answer to this node's own introduction; its `peers` are to be trusted before they are
    /// passed on to Membership::on_told(). Nothing if it is no such answer, or not from the peer
    /// `asked`.
    [[nodiscard]] std::optional<protocol::HelloReply> on_introduction_reply(protocol::PeerId asked,
                                                                            Bytes bytes) const;
    /// The outcome of a DialBack; answers the peer that asked for it.
    void on_dialed_back(const discovery::ConnectionId& connection, const protocol::Reached& reached,
                        protocol::Instant now);
    /// This node's own question to be dialed back, for a connection apart; a reply to it.
    [[nodiscard]] Frame probe();
    [[nodiscard]] static std::optional<protocol::ProbeReply> probe_reply_in(Bytes bytes);
    /// See Membership; heartbeats tell it to others.
    void set_wall_clock(std::uint64_t unix_ms, protocol::Instant now) {
        m_membership.set_wall_clock(unix_ms, now);
    }
    void on_tick(protocol::Instant now);
    /// Says goodbye to all; carry out the actions, then stop.
    void leave();

    // --- inputs for the rounds; nothing comes of them before start_core(). See NodeCore. ---
    void on_step(const protocol::StepReport& report, protocol::Instant now);
    void on_exchange_progress(protocol::Instant now);
    void on_exchange_done(const protocol::ExchangeResult& result, protocol::Instant now);
    void on_stalled(const protocol::Member& member, protocol::Instant now);
    void on_unusable_contribution(const protocol::Member& member, const std::string& reason,
                                  protocol::Instant now);
    void on_pulled(protocol::ReferencePointer reference, protocol::Instant now);
    void on_pull_failed(const Error& error, protocol::Instant now);
    void on_promise_written(const protocol::Promise& promise, protocol::Instant now);
    void on_prepared_written(const protocol::Prepared& prepared, protocol::Instant now);
    void on_balanced(const protocol::BalancingOrder& order, protocol::BalancingOutcome outcome,
                     protocol::Instant now);
    /// A last round hands over the drift of this peer; is_handed_over() tells when it is over. The
    /// shell then says goodbye with leave().
    void hand_over(protocol::Instant now);
    /// After hand_over(): no round needs this node any more, or kHandOverTimeout has passed.
    [[nodiscard]] bool is_handed_over(protocol::Instant now) const;
    /// A person says that this peer will not come back. False if it has no vote.
    bool forget(const protocol::PeerId& peer, protocol::Instant now);
    /// A person sets the threshold, at this Unix time.
    [[nodiscard]] Expected<void, Error> set_threshold(double threshold, std::uint64_t unix_ms,
                                                      protocol::Instant now);

    /// For status and checks; nullptr before start_core().
    [[nodiscard]] const protocol::NodeCore* core() const { return m_core ? &*m_core : nullptr; }
    [[nodiscard]] discovery::Membership& membership() { return m_membership; }
    [[nodiscard]] const discovery::Membership& membership() const { return m_membership; }

    /// For carry_out() alone, in a shell.
    [[nodiscard]] NodeActions take_actions(protocol::Instant now);

private:
    [[nodiscard]] protocol::Header header(protocol::SequenceNumber& sequence);
    [[nodiscard]] Frame direct_frame(const protocol::Message& message);
    void publish(const protocol::Message& message, NodeActions& actions);
    void publish_heartbeat(NodeActions& actions, protocol::Instant now);
    void on_probe(const discovery::ConnectionId& connection, const protocol::Probe& probe,
                  protocol::Instant now);
    void answer_probe(const discovery::ConnectionId& connection,
                      std::vector<protocol::FieldDifference> differences,
                      const protocol::Reached& reached, protocol::Instant now);
    [[nodiscard]] static Expected<protocol::wire::Envelope, Error> open(Bytes bytes);
    void to_core(const protocol::PeerInfo& from, const protocol::wire::Envelope& envelope,
                 protocol::Instant now);
    void answer_observer(const protocol::PeerInfo& from, const protocol::Message& message);
    void pass_view(protocol::Instant now);
    void pass_members(protocol::Instant now);

    protocol::NetworkId m_network;
    protocol::Member m_self;
    std::string m_address;
    discovery::Membership m_membership;
    std::optional<protocol::NodeCore> m_core;
    protocol::SequenceNumber m_gossip_sequence;
    protocol::SequenceNumber m_direct_sequence;
    protocol::Instant m_hand_over_until = protocol::kNever;  ///< Set by hand_over().
    bool m_leaving = false;
    std::vector<std::pair<protocol::PeerId, protocol::Message>> m_farewells;
    discovery::ProbeDesk m_probes;
    std::vector<discovery::DialBack> m_dial_backs;
    std::vector<std::pair<discovery::ConnectionId, Frame>> m_probe_replies;
};

/// Upper 24 bits of a sequence number: the sender's incarnation.
[[nodiscard]] protocol::SequenceNumber first_sequence(protocol::Incarnation incarnation);
[[nodiscard]] bool is_of_incarnation(protocol::SequenceNumber sequence,
                                     protocol::Incarnation incarnation);

}  // namespace dynavg::peer
