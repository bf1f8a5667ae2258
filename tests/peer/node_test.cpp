#include "peer/node.hpp"

#include <algorithm>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::peer;
using namespace dynavg::discovery::test;
namespace protocol = dynavg::protocol;
namespace wire = dynavg::protocol::wire;
using protocol::Header;
using protocol::Incarnation;
using protocol::Message;
using protocol::SequenceNumber;

namespace {

constexpr protocol::NetworkId kNetwork{42};
constexpr protocol::NetworkId kOtherNetwork{43};
const ConnectionId kConnection = "connection-1";

protocol::ReferencePointer initial_reference() {
    return protocol::make_initial_reference({2, 0, false}, {0, 0}, 1.0, 1);
}

protocol::NodeCoreOptions core_options(const protocol::Member& self) {
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
std::vector<wire::Envelope> published(const NodeActions& actions) {
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

}  // namespace

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

TEST_CASE("a heartbeat tells this node's identity and its place in training", "[node]") {
    Joined joined;
    const auto heartbeats = published(joined.beat());
    const auto* heartbeat = find<protocol::Heartbeat>(heartbeats);
    REQUIRE(heartbeat != nullptr);
    CHECK(heartbeat->incarnation == Incarnation(1));
    CHECK(heartbeat->address == address_of(0));
    CHECK(heartbeat->reference_digest == initial_reference()->id.digest);
    CHECK_FALSE(heartbeat->leaving);
    CHECK_FALSE(heartbeat->done);
    CHECK_FALSE(heartbeat->round);
    const Header& header = heartbeats.back().header;
    CHECK(header.network == kNetwork);
    CHECK(header.sender_tag == id_of(0).tag());
    CHECK(header.reference_tag == initial_reference()->id.digest.high);
    CHECK(is_of_incarnation(header.sequence, Incarnation(1)));
}

TEST_CASE("published messages are numbered without a gap", "[node]") {
    Joined joined;
    SequenceNumber last = first_sequence(Incarnation(1));
    for (int i = 0; i < 5; ++i) {
        for (const wire::Envelope& envelope : published(joined.beat())) {
            CHECK(envelope.header.sequence == last.next());
            last = envelope.header.sequence;
        }
    }
    CHECK(last.value() >= first_sequence(Incarnation(1)).value() + 5);
}

TEST_CASE("a round in progress is in the heartbeat, and published before it", "[node]") {
    Joined joined;
    joined.publish(Joined::crossing());
    REQUIRE(joined.crossed());
    const auto said = published(joined.beat());
    const auto* heartbeat = find<protocol::Heartbeat>(said);
    REQUIRE(heartbeat != nullptr);
    REQUIRE(heartbeat->round);
    CHECK(heartbeat->round->target == protocol::Epoch(1));
    REQUIRE(find<protocol::RoundState>(said) != nullptr);
    CHECK(std::holds_alternative<protocol::Heartbeat>(said.back().message));
}

TEST_CASE("a node that leaves says so to all", "[node]") {
    Joined joined;
    joined.node.leave();
    const NodeActions actions = joined.take();
    const auto said = published(actions);
    REQUIRE(find<protocol::Heartbeat>(said) != nullptr);
    CHECK(find<protocol::Heartbeat>(said)->leaving);
    REQUIRE(actions.sends.size() == 1);
    CHECK(actions.sends[0].first == joined.peer.self.id);
    const auto farewell = wire::decode(actions.sends[0].second.bytes);
    REQUIRE(farewell);
    CHECK(std::holds_alternative<protocol::Goodbye>(farewell->message));
}

TEST_CASE("a goodbye tells what its sender has committed, before it is gone", "[node]") {
    Joined joined;
    joined.publish(Joined::crossing());
    REQUIRE(joined.crossed());
    // Node 1 agrees, and the exchange of the two is under way.
    const protocol::Round& round = *joined.node.core()->round();
    joined.publish(protocol::RoundState{round.target(),
                                        round.attempt(),
                                        initial_reference()->id,
                                        round.evidence(),
                                        round.sets(),
                                        {}});
    const auto order = joined.take().rounds.start_exchange;
    REQUIRE(order);
    const auto value =
        protocol::make_next_reference(*initial_reference(), protocol::Epoch(1), {1, 1});
    Header header = joined.next_header();
    header.epoch = value->epoch;
    header.reference_tag = value->id.digest.high;
    const wire::Bytes goodbye = wire::encode(header, protocol::Goodbye{});
    REQUIRE(joined.node.on_direct(kConnection, {}, goodbye, joined.now));
    const NodeActions heard = joined.take();
    CHECK(std::any_of(heard.events.begin(), heard.events.end(),
                      [](const protocol::Event& event) { return event.name == "peer_left"; }));
    CHECK_FALSE(heard.rounds.abort_exchange);
    protocol::ExchangeResult result;
    result.key = order->key;
    result.ballot = order->ballot;
    result.certificate.roster = order->roster;
    result.certificate.facts.resize(order->roster.size());
    result.value = value;
    joined.node.on_exchange_done(result, joined.now);
    CHECK(joined.node.core()->reference() == value);
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

TEST_CASE("heartbeats tell and compare wall clocks, and nothing else changes by them", "[node]") {
    Joined joined;
    CHECK_FALSE(joined.node.membership().skew());
    joined.node.set_wall_clock(1'000'000, joined.now);
    joined.now += 500ms;
    protocol::Heartbeat heartbeat;
    heartbeat.incarnation = joined.peer.self.incarnation;
    heartbeat.unix_ms = 1'060'500;
    CHECK(joined.publish(heartbeat));
    CHECK(joined.node.membership().clock_offset(joined.peer.self.id) == 60'000);
    CHECK(joined.node.membership().skew() == 60'000);
    CHECK_FALSE(joined.node.membership().clock_offset(id_of(7)));
    // A repeated one tells nothing.
    joined.sequence = first_sequence(Incarnation(1));
    heartbeat.unix_ms = 2'000'000;
    CHECK(joined.publish(heartbeat));
    CHECK(joined.node.membership().skew() == 60'000);
    const Instant before = joined.now;
    const auto all = published(joined.beat());
    const auto* own = find<protocol::Heartbeat>(all);
    REQUIRE(own != nullptr);
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(joined.now - before);
    CHECK(own->unix_ms == 1'000'500 + static_cast<std::uint64_t>(passed.count()));
    // A peer that is not live has no say.
    CHECK_FALSE(joined.node.membership().skew());
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
