#include "tests/peer/joined_node.hpp"

using namespace dynavg::peer;
using namespace dynavg::peer::test;
namespace protocol = dynavg::protocol;

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

TEST_CASE("a node that leaves waits for its last round, and no longer than 20 s", "[node]") {
    Joined joined;
    CHECK_FALSE(joined.node.is_handed_over(joined.now));
    REQUIRE(joined.publish(Joined::crossing()));
    REQUIRE(joined.crossed());
    joined.node.hand_over(joined.now);
    const Instant end = joined.now + kHandOverTimeout;
    CHECK_FALSE(joined.node.is_handed_over(joined.now));
    CHECK(joined.take().next_tick <= end);
    CHECK_FALSE(joined.node.is_handed_over(end - 1ms));
    CHECK(joined.node.is_handed_over(end));
}

TEST_CASE("a node that has learned nothing has handed over at once", "[node]") {
    Joined joined(protocol::Role::observer);
    joined.node.hand_over(joined.now);
    CHECK(joined.node.is_handed_over(joined.now));
}
