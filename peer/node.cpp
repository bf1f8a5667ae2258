#include "peer/node.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "discovery/handshake.hpp"
#include "protocol/base/check.hpp"

namespace dynavg::peer {

using protocol::Instant;
using protocol::Message;
using protocol::PeerInfo;

namespace {

constexpr unsigned kSequenceBits = 40;

/// Messages on a direct connection name their sender by its tag alone.
const PeerInfo* find_joined(const protocol::PeerView& view, std::uint32_t tag) {
    const auto found =
        std::find_if(view.peers.begin(), view.peers.end(),
                     [tag](const PeerInfo& peer) { return peer.member.id.tag() == tag; });
    return found == view.peers.end() ? nullptr : &*found;
}

}  // namespace

protocol::SequenceNumber first_sequence(protocol::Incarnation incarnation) {
    return protocol::SequenceNumber(std::uint64_t{incarnation.value()} << kSequenceBits);
}

bool is_of_incarnation(protocol::SequenceNumber sequence, protocol::Incarnation incarnation) {
    return sequence.value() >> kSequenceBits ==
           first_sequence(incarnation).value() >> kSequenceBits;
}

Node::Node(protocol::NetworkId network, discovery::MembershipOptions membership, Instant now)
    : m_network(network),
      m_self(membership.self),
      m_address(membership.endpoints.direct),
      m_membership(std::move(membership), now),
      m_gossip_sequence(first_sequence(m_self.incarnation)),
      m_direct_sequence(first_sequence(m_self.incarnation)) {}

void Node::start_core(protocol::NodeCoreOptions options, Instant now) {
    DYNAVG_CHECK(!m_core);
    m_core.emplace(std::move(options));
    pass_members(now);
}

// --- inputs -----------------------------------------------------------------------------------

Node::Verdict Node::on_gossip(const protocol::PeerId& publisher, Bytes bytes, Instant now) {
    const auto envelope = open(bytes);
    if (!envelope || envelope->header.network != m_network ||
        envelope->header.sender_tag != publisher.tag()) {
        return std::nullopt;
    }
    if (const auto* heartbeat = std::get_if<protocol::Heartbeat>(&envelope->message)) {
        m_membership.on_heartbeat(publisher, envelope->header, *heartbeat, now);
    } else {
        m_membership.on_heard(publisher, now);
    }
    pass_view(now);
    const PeerInfo* from = m_membership.joined(publisher);
    if (from != nullptr) to_core(*from, *envelope, now);
    return traffic_of(envelope->message);
}

Node::Verdict Node::on_direct(const discovery::ConnectionId& connection,
                              const discovery::ProvenPeer& proven, Bytes bytes, Instant now) {
    const auto envelope = open(bytes);
    if (!envelope) return std::nullopt;
    const Message& message = envelope->message;
    if (const auto* hello = std::get_if<protocol::Hello>(&message)) {
        if (proven && hello->member.id != *proven) {
            m_membership.on_impostor(*proven, *hello, hello->endpoints.direct, now);
            return std::nullopt;
        }
        m_membership.on_hello(connection, *hello, now);
        pass_view(now);
        return traffic_of(message);
    }
    if (const auto* probe = std::get_if<protocol::Probe>(&message)) {
        // A revoked peer may still have its connection, and we would dial the address that it
        // names.
        if (proven && (probe->hello.member.id != *proven || !m_membership.is_trusted(*proven))) {
            return std::nullopt;
        }
        on_probe(connection, *probe, now);
        return traffic_of(message);
    }
    const std::uint32_t tag = envelope->header.sender_tag;
    const PeerInfo* from =
        proven ? m_membership.joined(*proven) : find_joined(m_membership.view(), tag);
    if (from == nullptr || from->member.id.tag() != tag || envelope->header.network != m_network) {
        return std::nullopt;
    }
    const PeerInfo sender = *from;
    const protocol::PeerId id = sender.member.id;
    if (!is_of_incarnation(envelope->header.sequence, sender.member.incarnation)) {
        m_membership.on_former_life(connection, id, now);
        return traffic_of(message);
    }
    m_membership.on_heard(id, now);
    if (std::holds_alternative<protocol::PeersRequest>(message)) {
        m_membership.on_peers_request(id, now);
    } else if (const auto* peers = std::get_if<protocol::PeersReply>(&message)) {
        m_membership.on_peers_reply(id, *peers, now);
    } else if (std::holds_alternative<protocol::Goodbye>(message)) {
        // Its header tells what it has committed: that is heard before it is gone.
        to_core(sender, *envelope, now);
        m_membership.on_goodbye(id, now);
        pass_view(now);
        return traffic_of(message);
    }
    pass_view(now);
    to_core(sender, *envelope, now);
    return traffic_of(message);
}

Node::Verdict Node::on_reply(const std::string& dialed_address, const discovery::ProvenPeer& proven,
                             Bytes bytes, Instant now) {
    const auto envelope = open(bytes);
    if (!envelope) return std::nullopt;
    const auto* reply = std::get_if<protocol::HelloReply>(&envelope->message);
    if (reply == nullptr) return std::nullopt;
    if (proven && reply->hello.member.id != *proven) {
        m_membership.on_impostor(*proven, reply->hello, dialed_address, now);
        return std::nullopt;
    }
    m_membership.on_hello_reply(dialed_address, *reply, now);
    pass_view(now);
    return traffic_of(envelope->message);
}

std::optional<protocol::Hello> Node::on_introduction(Bytes bytes) const {
    auto envelope = open(bytes);
    if (!envelope || envelope->header.network != m_network) return std::nullopt;
    auto* hello = std::get_if<protocol::Hello>(&envelope->message);
    if (hello == nullptr || !discovery::is_address(hello->endpoints.direct)) return std::nullopt;
    return std::move(*hello);
}

Frame Node::introduction_reply() {
    protocol::HelloReply reply;
    reply.hello = m_membership.hello();
    reply.peers = m_membership.acquaintances();
    return direct_frame(reply);
}

std::optional<protocol::HelloReply> Node::on_introduction_reply(protocol::PeerId asked,
                                                                Bytes bytes) const {
    auto envelope = open(bytes);
    if (!envelope || envelope->header.network != m_network) return std::nullopt;
    auto* reply = std::get_if<protocol::HelloReply>(&envelope->message);
    if (reply == nullptr || reply->hello.member.id != asked) return std::nullopt;
    return std::move(*reply);
}

/// Of any network: the asker wants to know the differences.
void Node::on_probe(const discovery::ConnectionId& connection, const protocol::Probe& probe,
                    Instant now) {
    auto differences = m_membership.differences_of_probe(probe.hello);
    if (m_probes.take(connection, probe, differences, now)) {
        m_dial_backs.push_back({connection, probe.hello.member.id, probe.hello.endpoints});
    } else {
        answer_probe(connection, std::move(differences), {}, now);
    }
}

void Node::on_dialed_back(const discovery::ConnectionId& connection,
                          const protocol::Reached& reached, Instant now) {
    auto differences = m_probes.finish(connection);
    if (differences) answer_probe(connection, std::move(*differences), reached, now);
}

void Node::answer_probe(const discovery::ConnectionId& connection,
                        std::vector<protocol::FieldDifference> differences,
                        const protocol::Reached& reached, Instant now) {
    protocol::ProbeReply reply;
    reply.hello = m_membership.hello();
    reply.differences = std::move(differences);
    discovery::cut_to_limits(reply.differences);
    reply.reached = reached;
    reply.unix_ms = m_membership.unix_ms(now);
    m_probe_replies.emplace_back(connection, direct_frame(reply));
}

Frame Node::probe() {
    return direct_frame(protocol::Probe{m_membership.hello()});
}

std::optional<protocol::ProbeReply> Node::probe_reply_in(Bytes bytes) {
    auto envelope = open(bytes);
    if (!envelope) return std::nullopt;
    auto* reply = std::get_if<protocol::ProbeReply>(&envelope->message);
    if (reply == nullptr) return std::nullopt;
    return std::move(*reply);
}

void Node::on_tick(Instant now) {
    m_membership.on_tick(now);
    pass_view(now);
    if (m_core) m_core->on_tick(now);
}

void Node::leave() {
    m_leaving = true;
    for (const PeerInfo& peer : m_membership.view().peers) {
        m_farewells.emplace_back(peer.member.id, protocol::Goodbye{});
    }
}

// --- inputs for the rounds ----------------------------------------------------------------------

void Node::on_step(const protocol::StepReport& report, Instant now) {
    if (m_core) m_core->on_step(report, now);
}

void Node::on_exchange_progress(Instant now) {
    if (m_core) m_core->on_exchange_progress(now);
}

void Node::on_exchange_done(const protocol::ExchangeResult& result, Instant now) {
    if (m_core) m_core->on_exchange_done(result, now);
}

void Node::on_stalled(const protocol::Member& member, Instant now) {
    if (m_core) m_core->on_stalled(member, now);
}

void Node::on_unusable_contribution(const protocol::Member& member, const std::string& reason,
                                    Instant now) {
    if (m_core) m_core->on_unusable_contribution(member, reason, now);
}

void Node::on_pulled(protocol::ReferencePointer reference, Instant now) {
    if (m_core) m_core->on_pulled(std::move(reference), now);
}

void Node::on_pull_failed(const Error& error, Instant now) {
    if (m_core) m_core->on_pull_failed(error, now);
}

void Node::on_promise_written(const protocol::Promise& promise, Instant now) {
    if (m_core) m_core->on_promise_written(promise, now);
}

void Node::on_prepared_written(const protocol::Prepared& prepared, Instant now) {
    if (m_core) m_core->on_prepared_written(prepared, now);
}

void Node::on_balanced(const protocol::BalancingOrder& order, protocol::BalancingOutcome outcome,
                       Instant now) {
    if (m_core) m_core->on_balanced(order, outcome, now);
}

void Node::hand_over(Instant now) {
    m_hand_over_until = now + kHandOverTimeout;
    if (m_core) m_core->leave(now);
}

bool Node::is_handed_over(Instant now) const {
    if (m_hand_over_until == protocol::kNever) return false;
    return !m_core || m_core->may_leave() || now >= m_hand_over_until;
}

bool Node::forget(const protocol::PeerId& peer, Instant now) {
    return m_core && m_core->forget(peer, now);
}

Expected<void, Error> Node::set_threshold(double threshold, std::uint64_t unix_ms, Instant now) {
    if (!m_core) return fail("this peer is not in a network yet");
    return m_core->set_threshold(threshold, unix_ms, now);
}

// --- outputs ----------------------------------------------------------------------------------

NodeActions Node::take_actions(Instant now) {
    NodeActions actions;
    discovery::Actions from_discovery = m_membership.take_actions();
    if (m_core) actions.rounds = m_core->take_actions(now);

    actions.network_fields = std::move(from_discovery.network_fields);
    actions.disconnects = std::move(from_discovery.disconnects);
    actions.hangups = std::move(from_discovery.hangups);
    actions.connects = std::move(from_discovery.connects);
    for (discovery::Dial& dial : from_discovery.dials) {
        actions.dials.emplace_back(std::move(dial), direct_frame(m_membership.hello()));
    }
    for (discovery::Reply& reply : from_discovery.replies) {
        actions.replies.emplace_back(std::move(reply.connection), direct_frame(reply.message));
    }

    actions.dial_backs = std::exchange(m_dial_backs, {});
    for (auto& reply : std::exchange(m_probe_replies, {})) {
        actions.replies.push_back(std::move(reply));
    }

    for (const Message& message : actions.rounds.publish) publish(message, actions);
    if (from_discovery.heartbeat_due || actions.rounds.heartbeat_now || m_leaving) {
        publish_heartbeat(actions, now);
    }
    const auto send_all = [this, &actions](const auto& sends) {
        for (const auto& [to, message] : sends)
            actions.sends.emplace_back(to, direct_frame(message));
    };
    send_all(from_discovery.sends);
    send_all(actions.rounds.send);
    send_all(std::exchange(m_farewells, {}));

    actions.events = std::move(from_discovery.events);
    std::move(actions.rounds.events.begin(), actions.rounds.events.end(),
              std::back_inserter(actions.events));
    actions.told = std::move(from_discovery.told);
    actions.known_peers = std::move(from_discovery.known_peers);
    actions.replaced = from_discovery.replaced;
    actions.next_tick =
        std::min({from_discovery.next_tick, actions.rounds.next_tick, m_hand_over_until});
    return actions;
}

protocol::Header Node::header(protocol::SequenceNumber& sequence) {
    sequence = sequence.next();
    protocol::Header header;
    header.network = m_network;
    header.sender_tag = m_self.id.tag();
    header.sequence = sequence;
    if (m_core) {
        header.epoch = m_core->reference()->epoch;
        header.reference_tag = m_core->reference()->id.digest.high;
    }
    return header;
}

Frame Node::direct_frame(const Message& message) {
    return {protocol::wire::encode(header(m_direct_sequence), message), traffic_of(message)};
}

void Node::publish(const Message& message, NodeActions& actions) {
    actions.publish.push_back(
        {protocol::wire::encode(header(m_gossip_sequence), message), traffic_of(message)});
}

void Node::publish_heartbeat(NodeActions& actions, Instant now) {
    protocol::Heartbeat heartbeat;
    heartbeat.incarnation = m_self.incarnation;
    heartbeat.order = m_self.order;
    heartbeat.address = m_address;
    heartbeat.leaving = m_leaving;
    heartbeat.unix_ms = m_membership.unix_ms(now);
    if (m_core) {
        m_core->describe(heartbeat);
        if (const auto state = m_core->state_to_repeat()) publish(*state, actions);
    }
    publish(heartbeat, actions);
}

// --- helpers ----------------------------------------------------------------------------------

Expected<protocol::wire::Envelope, Error> Node::open(Bytes bytes) {
    return protocol::wire::decode(bytes);
}

void Node::to_core(const PeerInfo& from, const protocol::wire::Envelope& envelope, Instant now) {
    // A message of an earlier or later life of this peer is not the member's that has joined.
    if (!m_core || !is_of_incarnation(envelope.header.sequence, from.member.incarnation)) return;
    if (from.role == protocol::Role::observer) return answer_observer(from, envelope.message);
    m_core->on_message(protocol::Member(from.member), envelope.header, envelope.message, now);
}

/// It pulls what members have committed. Its heartbeats tell this node's person of it, nobody else.
void Node::answer_observer(const PeerInfo& from, const Message& message) {
    const auto* request = std::get_if<protocol::HistoryRequest>(&message);
    if (request != nullptr) m_core->tell_history(from.member.id, *request);
}

void Node::pass_view(Instant now) {
    if (m_membership.take_view_changed() && m_core) pass_members(now);
}

void Node::pass_members(Instant now) {
    const protocol::PeerView& view = m_membership.view();
    if (!has_observers(view)) return m_core->on_peers(view, now);
    m_core->on_peers(members_of(view), now);
}

}  // namespace dynavg::peer
