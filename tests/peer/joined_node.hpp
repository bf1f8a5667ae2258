#pragma once

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "peer/node.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

namespace dynavg::peer::test {

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
namespace wire = dynavg::protocol::wire;
using protocol::Header;
using protocol::Incarnation;
using protocol::Message;
using protocol::SequenceNumber;
inline constexpr protocol::NetworkId kNetwork{42};
inline constexpr protocol::NetworkId kOtherNetwork{43};
inline const ConnectionId kConnection = "connection-1";

inline protocol::ReferencePointer initial_reference() {
    return protocol::make_initial_reference({2, 0, false}, {0, 0}, 1.0, 1);
}

inline protocol::NodeCoreOptions core_options(const protocol::Member& self) {
    protocol::NodeCoreOptions options;
    options.self = self;
    options.averaging.monitor = protocol::MonitorKind::norm;
    options.averaging.state_interval = 0ms;
    options.initial = initial_reference();
    return options;
}

/// Node 0 with its core, which node 1 has joined; the test speaks for node 1.
class Joined {
public:
    explicit Joined(protocol::Role role = protocol::Role::member)
        : node(kNetwork, options_of(0), now) {
        peer.role = role;
        node.start_core(core_options(options_of(0).self), now);
        join();
    }

    void join() {
        say(hello_of(peer));
        protocol::HelloReply reply;
        reply.hello = hello_of(peer);
        REQUIRE(node.on_reply(address_of(1), {}, encode(reply), now));
        (void)take();
        REQUIRE(node.membership().view().peers.size() == 1);
    }

    Header next_header() {
        sequence = sequence.next();
        Header header;
        header.network = kNetwork;
        header.sender_tag = peer.self.id.tag();
        header.sequence = sequence;
        header.reference_tag = initial_reference()->id.digest.high;
        return header;
    }
    wire::Bytes encode(const Message& message) { return wire::encode(next_header(), message); }
    Node::Verdict publish(const Message& message) {
        return node.on_gossip(peer.self.id, encode(message), now);
    }
    Node::Verdict say(const Message& message) {
        return node.on_direct(kConnection, {}, encode(message), now);
    }
    /// A drift above the threshold: any message that reaches the core starts a round.
    [[nodiscard]] static protocol::StateMessage crossing() { return {1, {100, {}}}; }
    [[nodiscard]] bool crossed() {
        protocol::StepReport report;
        report.reference = initial_reference()->id;
        report.steps = report.steps_since_reference = 1;
        report.state = protocol::LocalState{0, {}};
        node.on_step(report, now);
        return node.core()->round() != nullptr;
    }
    NodeActions take() { return node.take_actions(now); }
    /// Its actions when its next heartbeat is due for sure.
    NodeActions beat() {
        now += 10s;
        node.on_tick(now);
        return take();
    }

    Instant now = at(10s);
    MembershipOptions peer = options_of(1);
    SequenceNumber sequence = first_sequence(Incarnation(1));
    Node node;
};

/// The messages that a node publishes, decoded.
inline std::vector<wire::Envelope> published(const NodeActions& actions) {
    std::vector<wire::Envelope> envelopes;
    for (const Frame& frame : actions.publish) {
        auto envelope = wire::decode(frame.bytes);
        REQUIRE(envelope);
        envelopes.push_back(std::move(*envelope));
    }
    return envelopes;
}

template <class T>
const T* find(const std::vector<wire::Envelope>& envelopes) {
    for (const wire::Envelope& envelope : envelopes) {
        if (const auto* found = std::get_if<T>(&envelope.message)) return found;
    }
    return nullptr;
}

}  // namespace dynavg::peer::test
