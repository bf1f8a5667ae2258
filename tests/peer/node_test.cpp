#include <algorithm>

#include "protocol/base/random.hpp"
#include "tests/peer/joined_node.hpp"

using namespace dynavg::peer;
using namespace dynavg::peer::test;
namespace protocol = dynavg::protocol;

TEST_CASE("a joined peer's messages reach the core", "[node]") {
    Joined joined;
    CHECK(joined.publish(Joined::crossing()) == protocol::Traffic::monitoring);
    CHECK(joined.crossed());
    Joined direct;
    CHECK(direct.say(Joined::crossing()) == protocol::Traffic::monitoring);
    CHECK(direct.crossed());
}

TEST_CASE("an observer is shown, and is nothing to the core", "[node]") {
    Joined joined(protocol::Role::observer);
    CHECK(joined.node.membership().view().peers[0].role == protocol::Role::observer);
    CHECK(joined.node.membership().is_alone());
    // Two are needed for a round, and one of them is none.
    joined.publish(Joined::crossing());
    CHECK_FALSE(joined.crossed());
    CHECK_FALSE(joined.node.core()->may_call());
}

TEST_CASE("an observer's words beyond a question for the history reach no round", "[node]") {
    Joined joined(protocol::Role::observer);
    const protocol::Member liar = joined.peer.self;
    protocol::RoundState call;
    call.target = protocol::Epoch(1);
    call.reference = initial_reference()->id;
    call.sets.candidates = {options_of(0).self, liar};
    std::sort(call.sets.candidates.begin(), call.sets.candidates.end());
    call.evidence.reason = protocol::RoundReason::crossing;
    protocol::Heartbeat ahead;
    ahead.incarnation = Incarnation(1);
    ahead.address = address_of(1);
    ahead.reference_digest = {7, 7};
    for (const Message& message :
         {Message(call), Message(Joined::crossing()), Message(protocol::RoundRequest{}),
          Message(protocol::StateRequest{1, false}), Message(protocol::HistoryReply{})}) {
        CAPTURE(protocol::name_of(message));
        CHECK(joined.publish(message));
        CHECK(joined.say(message));
    }
    Header header = joined.next_header();
    header.epoch = protocol::Epoch(9);
    const auto bytes = wire::encode(header, ahead);
    CHECK(joined.node.on_gossip(liar.id, bytes, joined.now));
    const NodeActions actions = joined.take();
    CHECK(actions.sends.empty());
    CHECK_FALSE(joined.node.core()->round());
    CHECK_FALSE(joined.crossed());
    // It is known how far it says to be, for who asks.
    CHECK(joined.node.membership().view().peers[0].reference.epoch == protocol::Epoch(9));

    CHECK(joined.say(protocol::HistoryRequest{protocol::Epoch(0)}));
    const NodeActions answers = joined.take();
    REQUIRE(answers.sends.size() == 1);
    CHECK(answers.sends[0].first == liar.id);
    const auto reply = wire::decode(answers.sends[0].second.bytes);
    REQUIRE(reply);
    CHECK(std::get<protocol::HistoryReply>(reply->message).entries.size() == 1);
}

TEST_CASE("a node's role holds for its whole life", "[node]") {
    Joined joined(protocol::Role::observer);
    joined.peer.role = protocol::Role::member;
    joined.join();
    joined.publish(Joined::crossing());
    CHECK_FALSE(joined.crossed());
    // Started again as a member, it is one.
    joined.peer.self.incarnation = Incarnation(2);
    joined.sequence = first_sequence(Incarnation(2));
    joined.join();
    joined.publish(Joined::crossing());
    CHECK(joined.crossed());
}

TEST_CASE("messages of another network are refused", "[node]") {
    Joined joined;
    Header header = joined.next_header();
    header.network = kOtherNetwork;
    const auto bytes = wire::encode(header, Joined::crossing());
    CHECK_FALSE(joined.node.on_gossip(joined.peer.self.id, bytes, joined.now));
    CHECK_FALSE(joined.node.on_direct(kConnection, {}, bytes, joined.now));
    CHECK_FALSE(joined.crossed());
}

TEST_CASE("gossip in another sender's name is refused", "[node]") {
    Joined joined;
    const auto bytes = joined.encode(Joined::crossing());
    CHECK_FALSE(joined.node.on_gossip(id_of(2), bytes, joined.now));
    Header header = joined.next_header();
    header.sender_tag = id_of(2).tag();
    CHECK_FALSE(joined.node.on_gossip(joined.peer.self.id, wire::encode(header, Joined::crossing()),
                                      joined.now));
    CHECK_FALSE(joined.crossed());
}

TEST_CASE("direct messages of strangers are refused, but for their Hello", "[node]") {
    Joined joined;
    Header header = joined.next_header();
    header.sender_tag = id_of(2).tag();
    for (const Message& message :
         {Message(Joined::crossing()), Message(protocol::RoundRequest{}),
          Message(protocol::PeersRequest{}), Message(protocol::Goodbye{})}) {
        CAPTURE(protocol::name_of(message));
        CHECK_FALSE(
            joined.node.on_direct("stranger", {}, wire::encode(header, message), joined.now));
    }
    CHECK_FALSE(joined.crossed());
    const Message hello = hello_of(options_of(2));
    CHECK(joined.node.on_direct("stranger", {}, wire::encode(header, hello), joined.now));
    const NodeActions actions = joined.take();
    REQUIRE(actions.replies.size() == 1);
    CHECK(actions.replies[0].first == "stranger");
}

TEST_CASE("only a HelloReply answers a Hello", "[node]") {
    Joined joined;
    CHECK_FALSE(
        joined.node.on_reply(address_of(1), {}, joined.encode(Joined::crossing()), joined.now));
    CHECK_FALSE(
        joined.node.on_reply(address_of(1), {}, joined.encode(hello_of(joined.peer)), joined.now));
    CHECK_FALSE(joined.crossed());
}

TEST_CASE("random bytes and truncated messages are refused", "[node]") {
    Joined joined;
    const auto refused = [&joined](Node::Bytes bytes) {
        const bool gossip =
            joined.node.on_gossip(joined.peer.self.id, bytes, joined.now).has_value();
        const bool direct = joined.node.on_direct(kConnection, {}, bytes, joined.now).has_value();
        const bool reply = joined.node.on_reply(address_of(1), {}, bytes, joined.now).has_value();
        return !gossip && !direct && !reply;
    };
    for (std::uint64_t seed = 0; seed < 2000; ++seed) {
        CAPTURE(seed);
        protocol::RandomStream random(seed, protocol::RandomPurpose::test);
        wire::Bytes bytes(random.below(200));
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random.below(256));
        REQUIRE(refused(bytes));
    }
    protocol::HelloReply reply;
    reply.hello = hello_of(joined.peer);
    for (const Message& message :
         {Message(Joined::crossing()), Message(hello_of(joined.peer)), Message(reply)}) {
        const auto whole = joined.encode(message);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(protocol::name_of(message), size);
            REQUIRE(refused(std::span(whole).first(size)));
        }
    }
    CHECK_FALSE(joined.crossed());
}

TEST_CASE("messages of another life of a peer do not reach the core", "[node]") {
    for (const std::uint32_t life : {0U, 2U, 7U}) {
        CAPTURE(life);
        Joined joined;
        joined.sequence = first_sequence(Incarnation(life));
        joined.publish(Joined::crossing());
        joined.say(Joined::crossing());
        CHECK_FALSE(joined.crossed());
    }
}

TEST_CASE("after a restart only the new life is heard", "[node]") {
    Joined joined;
    const auto old = joined.encode(Joined::crossing());
    joined.peer.self.incarnation = Incarnation(2);
    joined.sequence = first_sequence(Incarnation(2));
    joined.join();
    CHECK(joined.node.membership().view().peers[0].member.incarnation == Incarnation(2));
    (void)joined.node.on_gossip(joined.peer.self.id, old, joined.now);
    CHECK_FALSE(joined.crossed());
    joined.publish(Joined::crossing());
    CHECK(joined.crossed());
}

TEST_CASE("a former life that still runs elsewhere ends nothing, and is told of the later one",
          "[node]") {
    Joined joined;
    const SequenceNumber former = joined.sequence;
    joined.peer.self.incarnation = Incarnation(2);
    joined.peer.endpoints = endpoints_of("elsewhere");
    joined.sequence = first_sequence(Incarnation(2));
    joined.say(hello_of(joined.peer));
    protocol::HelloReply reply;
    reply.hello = hello_of(joined.peer);
    REQUIRE(joined.node.on_reply("elsewhere:7400", {}, joined.encode(reply), joined.now));
    (void)joined.take();

    joined.sequence = former;
    CHECK(joined.say(protocol::Goodbye{}) == protocol::Traffic::overhead);
    CHECK(joined.node.membership().view().peers[0].live);
    const NodeActions actions = joined.take();
    REQUIRE(actions.replies.size() == 1);
    const auto told = wire::decode(actions.replies[0].second.bytes);
    REQUIRE(told);
    const auto& refusal = std::get<protocol::HelloReply>(told->message);
    CHECK(refusal.differences.at(0).field == "node.name");
    CHECK(refusal.peers.at(0).address == "elsewhere:7400");
}

TEST_CASE("sequence numbers carry the incarnation in their upper bits", "[node]") {
    const SequenceNumber first = first_sequence(Incarnation(5));
    CHECK(is_of_incarnation(first, Incarnation(5)));
    CHECK(is_of_incarnation(SequenceNumber(first_sequence(Incarnation(6)).value() - 1),
                            Incarnation(5)));
    CHECK_FALSE(is_of_incarnation(first_sequence(Incarnation(6)), Incarnation(5)));
    CHECK(first_sequence(Incarnation(6)) > first);
}

TEST_CASE("without a core a node joins and beats, and says nothing of references", "[node]") {
    Node node(kNetwork, options_of(0), at(1s));
    CHECK(node.core() == nullptr);
    node.on_tick(at(2s));
    const auto said = published(node.take_actions(at(2s)));
    const auto* heartbeat = find<protocol::Heartbeat>(said);
    REQUIRE(heartbeat != nullptr);
    CHECK(heartbeat->reference_digest == protocol::Digest{});
    CHECK(said.back().header.reference_tag == 0);
}

TEST_CASE("a peer with another peer's key is not heard, and is told", "[node]") {
    Joined joined;
    const protocol::PeerId liar = options_of(2).self.id;
    const auto hello = joined.encode(hello_of(joined.peer));
    CHECK_FALSE(joined.node.on_direct(kConnection, liar, hello, joined.now));
    const NodeActions actions = joined.take();
    REQUIRE(actions.events.size() == 1);
    CHECK(actions.events[0].name == "peer_refused");
    CHECK_THAT(actions.events[0].message, Catch::Contains(liar.hex()));
    CHECK(actions.replies.empty());
    // Nor is what it says as a peer that has joined.
    const auto crossing = joined.encode(Joined::crossing());
    CHECK_FALSE(joined.node.on_direct(kConnection, liar, crossing, joined.now));
    CHECK_FALSE(joined.crossed());
    CHECK(joined.node.on_direct(kConnection, joined.peer.self.id, hello, joined.now));
}

TEST_CASE("a peer that is no longer trusted is disconnected and stays out", "[node]") {
    Joined joined;
    joined.node.membership().set_trusted({});
    const NodeActions actions = joined.take();
    CHECK(actions.disconnects == std::vector{joined.peer.self.id});
    CHECK(joined.node.membership().view().peers.empty());
    // Its connection may live on; nobody is dialed for it.
    const auto probe = joined.encode(protocol::Probe{hello_of(joined.peer)});
    CHECK_FALSE(joined.node.on_direct(kConnection, joined.peer.self.id, probe, joined.now));
    CHECK(joined.take().dial_backs.empty());
    (void)joined.say(hello_of(joined.peer));
    CHECK(joined.take().replies.size() == 1);
    CHECK(joined.node.membership().view().peers.empty());
    joined.node.membership().set_trusted({joined.peer.self.id});
    joined.join();
}

TEST_CASE("the refusal of any hello can be sent", "[node]") {
    const std::string longest(protocol::limits::kTextBytesMax, 'x');
    Joined joined;
    protocol::Hello nobody_dials = hello_of(options_of(2));
    nobody_dials.endpoints = {longest, longest, longest};
    CHECK(joined.say(nobody_dials));
    protocol::Hello taken = hello_of(joined.peer);
    taken.name = longest;
    taken.endpoints.direct = std::string(200, 'x') + ":1";
    CHECK(joined.say(taken));
    const NodeActions actions = joined.take();
    REQUIRE(actions.replies.size() == 2);
    for (const auto& [to, frame] : actions.replies) {
        const auto envelope = wire::decode(frame.bytes);
        REQUIRE(envelope);
        CHECK_FALSE(std::get<protocol::HelloReply>(envelope->message).differences.empty());
    }
}
