#include <string>

#include "discovery/bounds.hpp"
#include "discovery/probe_desk.hpp"
#include "peer/node.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg;
using namespace dynavg::discovery;
using namespace dynavg::peer;
using namespace dynavg::discovery::test;
using protocol::Probe;
using protocol::ProbeReply;
using protocol::Reach;
using protocol::Reached;

namespace {

Probe probe_of(std::size_t node) {
    return {hello_of(options_of(node))};
}

Node node_of(std::size_t number) {
    return {protocol::NetworkId(1), options_of(number), at(0s)};
}

/// The answer of `node`, if it is a ProbeReply to this connection.
std::optional<ProbeReply> reply_of(NodeActions actions, const ConnectionId& connection) {
    for (const auto& [to, frame] : actions.replies) {
        if (to == connection) return Node::probe_reply_in(frame.bytes);
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("a peer is dialed back once in a while, and few are at a time", "[probe_desk]") {
    ProbeDesk desk;
    CHECK(desk.take("c1", probe_of(1), {}, at(0s)));
    CHECK_FALSE(desk.take("c2", probe_of(1), {}, at(999ms)));
    CHECK(desk.take("c2", probe_of(1), {}, at(1s)));
    for (std::size_t i = 3; i <= kProbesOpenMax; ++i) {
        CHECK(desk.take("c" + std::to_string(i), probe_of(i), {}, at(1s)));
    }
    CHECK(desk.open() == kProbesOpenMax);
    CHECK_FALSE(desk.take("d", probe_of(20), {}, at(1s)));
    REQUIRE(desk.finish("c1"));
    CHECK(desk.take("d", probe_of(20), {}, at(1s)));
    // Nobody's, or answered already.
    CHECK_FALSE(desk.finish("c1"));
    // A probe that is never finished is forgotten, and so is its asker.
    CHECK(desk.take("e", probe_of(21), {}, at(1s) + kProbeForgottenAfter));
    CHECK(desk.open() == 1);
    CHECK(desk.remembered() == 1);
}

TEST_CASE("a probe is answered with what differs and what was reached, and makes no member",
          "[probe_desk]") {
    Node asked = node_of(0);
    Node asker = node_of(1);
    asked.set_wall_clock(1'000'000, at(0s));
    (void)asked.take_actions(at(0s));
    Probe probe = probe_of(1);
    probe.hello.fields["averaging.threshold"] = "77";
    const auto bytes = protocol::wire::encode({}, probe);
    // Of another network, too: that is what the asker may want to know.
    CHECK(asked.on_direct("c", id_of(1), bytes, at(1s)));
    NodeActions actions = asked.take_actions(at(1s));
    REQUIRE(actions.dial_backs.size() == 1);
    CHECK(actions.dial_backs[0].peer == id_of(1));
    CHECK(actions.dial_backs[0].endpoints == probe.hello.endpoints);
    CHECK(actions.replies.empty());
    CHECK(actions.dials.empty());
    CHECK(asked.membership().view().peers.empty());
    CHECK(asked.membership().remembered() == 0);

    const Reached reached{Reach::reached, Reach::refused, Reach::silent};
    asked.on_dialed_back("c", reached, at(3s));
    const auto reply = reply_of(asked.take_actions(at(3s)), "c");
    REQUIRE(reply);
    CHECK(reply->reached == reached);
    CHECK(reply->hello == asked.membership().hello());
    CHECK(reply->unix_ms == 1'003'000);
    REQUIRE(reply->differences.size() == 1);
    CHECK(reply->differences[0].field == "averaging.threshold");
    // Once is enough.
    asked.on_dialed_back("c", reached, at(3s));
    CHECK_FALSE(reply_of(asked.take_actions(at(3s)), "c"));
}

TEST_CASE("the answer to a probe with any addresses can be sent", "[probe_desk]") {
    Node asked = node_of(0);
    Probe probe = probe_of(1);
    const std::string longest(protocol::limits::kTextBytesMax, 'x');
    probe.hello.endpoints = {longest, longest, longest};
    CHECK(asked.on_direct("c", id_of(1), protocol::wire::encode({}, probe), at(0s)));
    REQUIRE(asked.take_actions(at(0s)).dial_backs.size() == 1);
    asked.on_dialed_back("c", {}, at(1s));
    const auto reply = reply_of(asked.take_actions(at(1s)), "c");
    REQUIRE(reply);
    CHECK(reply->differences.at(0).field == "node.advertise");
}

TEST_CASE("a peer that asks too often is answered at once, with nothing tried", "[probe_desk]") {
    Node asked = node_of(0);
    const auto bytes = protocol::wire::encode({}, probe_of(1));
    CHECK(asked.on_direct("c1", id_of(1), bytes, at(0s)));
    CHECK(asked.on_direct("c2", id_of(1), bytes, at(1ms)));
    NodeActions actions = asked.take_actions(at(1ms));
    CHECK(actions.dial_backs.size() == 1);
    const auto reply = reply_of(std::move(actions), "c2");
    REQUIRE(reply);
    CHECK(reply->reached == Reached{});
}

TEST_CASE("no peer can ask in another peer's name", "[probe_desk]") {
    Node asked = node_of(0);
    const auto bytes = protocol::wire::encode({}, probe_of(1));
    CHECK_FALSE(asked.on_direct("c", id_of(2), bytes, at(0s)));
    CHECK(asked.take_actions(at(0s)).dial_backs.empty());
}

TEST_CASE("a node's own probe is its hello", "[probe_desk]") {
    Node node = node_of(1);
    const auto envelope = protocol::wire::decode(node.probe().bytes);
    REQUIRE(envelope);
    CHECK(std::get<Probe>(envelope->message).hello == node.membership().hello());
    CHECK_FALSE(Node::probe_reply_in(node.probe().bytes));
    CHECK_FALSE(Node::probe_reply_in({}));
}
