#include "identity/keys.hpp"

#include <memory>
#include <optional>
#include <set>

#include <zmq.hpp>

#include "daemon/doors/zap_handler.hpp"
#include "daemon/transport/bulk_transport.hpp"
#include "daemon/transport/zmq_transport.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"
#include "tests/daemon/transport/transport_node.hpp"

namespace dynavg::daemon {

namespace {

using protocol::PeerId;
using protocol::Traffic;

enum class Zap { started, missing };

/// A transport with keys that lets in whom it trusts.
struct KeyedNode {
    explicit KeyedNode(TestLoop& loop, std::optional<identity::Identity> token = {},
                       Zap zap_is = Zap::started)
        : keys(std::make_shared<Keys>(Keys{identity::make_identity(), std::move(token)})),
          zap(loop.io, context, [this](const Knock& knock) { return admit(knock); }) {
        if (zap_is == Zap::started) REQUIRE(zap.start());
        ZmqTransportOptions options{.bind = parse_bind("tcp://127.0.0.1:0", "").value(),
                                    .keys = keys};
        node.emplace(loop, context, options);
        at = node->transport.start().value();
    }

    [[nodiscard]] std::string admit(const Knock& knock) {
        if (trusted.contains(knock.key)) return knock.key.hex();
        const bool shows_token = keys->token && knock.key == keys->token->id;
        if (shows_token && knock.door == Door::direct) return token_user(knock.key);
        refused.push_back(knock);
        return {};
    }
    [[nodiscard]] PeerId id() const { return keys->own.id; }
    [[nodiscard]] DialedId direct() const { return {at.direct, id()}; }

    ZmqContextPointer context = make_zmq_context();
    std::shared_ptr<const Keys> keys;
    std::set<PeerId> trusted;
    std::vector<Knock> refused;
    ZapHandler zap;
    std::optional<TransportNode> node;
    protocol::Endpoints at;
};

/// Long enough for a connection that is let in, many times over.
constexpr std::chrono::milliseconds kNobodyComes{400};

}  // namespace

TEST_CASE("With keys each end knows the identity of the other", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop);
    anna.trusted = {bert.id()};
    bert.trusted = {anna.id()};
    REQUIRE(anna.node->transport.greet(bert.direct(), as_message("hello"), Traffic::overhead));
    REQUIRE(loop.run_until([&] { return !bert.node->direct.empty(); }));
    const ConnectionId connection = bert.node->direct[0].first;
    CHECK(connection.proven == anna.id());
    CHECK(bert.node->transport.reply(connection, as_message("welcome"), Traffic::overhead) ==
          SendOutcome::queued);
    REQUIRE(loop.run_until([&] { return !anna.node->replies.empty(); }));
    REQUIRE(bert.node->transport.subscribe(anna.id(), anna.at.gossip));
    REQUIRE(loop.run_until([&] { return anna.node->transport.subscribers() == 1; }));
    anna.node->transport.publish(as_message("drift"), Traffic::monitoring);
    REQUIRE(loop.run_until([&] { return !bert.node->gossip.empty(); }));
    CHECK(bert.node->gossip[0].first == anna.id());
}

TEST_CASE("A stranger is let in at no door, and is told by its key and address", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), stranger(loop);
    stranger.trusted = {anna.id()};
    REQUIRE(stranger.node->transport.greet(anna.direct(), as_message("hello"), Traffic::overhead));
    REQUIRE(stranger.node->transport.subscribe(anna.id(), anna.at.gossip));
    REQUIRE(loop.run_until([&] { return anna.refused.size() >= 2; }));
    for (const Knock& knock : anna.refused) {
        CHECK(knock.key == stranger.id());
        CHECK(knock.address == "127.0.0.1");
    }
    anna.node->transport.publish(as_message("secret"), Traffic::monitoring);
    CHECK_FALSE(loop.run_for(kNobodyComes, [&] {
        return !anna.node->direct.empty() || !stranger.node->gossip.empty() ||
               anna.node->transport.subscribers() > 0;
    }));
}

TEST_CASE("A refused peer is let in once its key is trusted, without dialing again", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop);
    REQUIRE(bert.node->transport.greet(anna.direct(), as_message("hello"), Traffic::overhead));
    REQUIRE(loop.run_until([&] { return !anna.refused.empty(); }));
    anna.trusted = {bert.id()};
    CHECK(loop.run_until([&] { return !anna.node->direct.empty(); }));
}

TEST_CASE("A listener at a peer's address without the peer's key is not believed", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), impostor(loop);
    anna.trusted = {impostor.id()};
    impostor.trusted = {anna.id()};
    const DialedId bert{impostor.at.direct, identity::make_identity().id};
    REQUIRE(anna.node->transport.greet(bert, as_message("hello"), Traffic::overhead));
    CHECK_FALSE(loop.run_for(kNobodyComes, [&] { return !impostor.node->direct.empty(); }));
    // The right key makes another connection to the same address.
    REQUIRE(anna.node->transport.greet(impostor.direct(), as_message("hello"), Traffic::overhead));
    CHECK(loop.run_until([&] { return !impostor.node->direct.empty(); }));
}

TEST_CASE("An address without a key cannot be dialed where there are keys", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop);
    CHECK_FALSE(anna.node->transport.dial({bert.at.direct, {}}));
}

TEST_CASE("Without a handler no connection is let in", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop, {}, Zap::missing);
    bert.trusted = {anna.id()};
    REQUIRE(anna.node->transport.greet(bert.direct(), as_message("hello"), Traffic::overhead));
    CHECK_FALSE(loop.run_for(kNobodyComes, [&] { return !bert.node->direct.empty(); }));
}

TEST_CASE("The network's token opens the door to an introduction, and no other", "[keys]") {
    TestLoop loop;
    const identity::Identity token = identity::make_identity();
    KeyedNode anna(loop, token), bert(loop, token);
    bert.node->transport.introduce(anna.direct(), as_message("bert"), Traffic::overhead);
    REQUIRE(loop.run_until([&] { return !anna.node->introductions.empty(); }));
    CHECK(anna.node->direct.empty());
    const ConnectionId connection = anna.node->introductions[0].first;
    CHECK_FALSE(connection.proven);
    CHECK(anna.node->shown == std::vector<PeerId>{token.id});
    anna.node->transport.reply(connection, as_message("welcome"), Traffic::overhead);
    REQUIRE(loop.run_until([&] { return !bert.node->introduction_replies.empty(); }));
    CHECK(bert.node->introduction_replies[0].second == "welcome");

    // As a subscriber it stays outside.
    KeyedNode thief(loop);
    thief.keys = std::make_shared<Keys>(Keys{token, {}});
    const ZmqTransportOptions options{.bind = parse_bind("tcp://127.0.0.1:0", "").value(),
                                      .keys = thief.keys};
    TransportNode as_token(loop, thief.context, options);
    REQUIRE(as_token.transport.subscribe(anna.id(), anna.at.gossip));
    CHECK_FALSE(loop.run_for(kNobodyComes, [&] { return anna.node->transport.subscribers() > 0; }));
}

TEST_CASE("A peer that subscribes to a topic is named, and its connection ends", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop), thief(loop);
    anna.trusted = {bert.id(), thief.id()};
    REQUIRE(bert.node->transport.subscribe(anna.id(), anna.at.gossip));
    REQUIRE(loop.run_until([&] { return anna.node->transport.subscribers() == 1; }));
    zmq::context_t own_context;
    zmq::socket_t topics(own_context, zmq::socket_type::sub);
    set_options(topics, {.frame_bytes_max = 1024, .queue_max = 8});
    secure_dialing(topics, thief.keys->own, anna.id());
    topics.set(zmq::sockopt::subscribe, "a topic");
    topics.connect("tcp://" + anna.at.gossip);
    REQUIRE(loop.run_until([&] { return !anna.node->odd.empty(); }));
    CHECK(anna.node->odd.front() == thief.id());
    anna.trusted = {bert.id()};
    // The others are back soon.
    CHECK(loop.run_until([&] { return anna.node->transport.subscribers() == 1; }));
}

TEST_CASE("Subscribers that are dropped come back only if they still may", "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop), carl(loop);
    anna.trusted = {bert.id(), carl.id()};
    for (KeyedNode* peer : {&bert, &carl}) {
        REQUIRE(peer->node->transport.subscribe(anna.id(), anna.at.gossip));
    }
    REQUIRE(loop.run_until([&] { return anna.node->transport.subscribers() == 2; }));
    anna.trusted = {bert.id()};
    anna.node->transport.drop_subscribers();
    REQUIRE(loop.run_until([&] { return anna.node->transport.subscribers() == 1; }));
    CHECK_FALSE(loop.run_for(kNobodyComes, [&] { return anna.node->transport.subscribers() > 1; }));
    anna.node->transport.publish(as_message("drift"), Traffic::monitoring);
    REQUIRE(loop.run_until([&] { return !bert.node->gossip.empty(); }));
    CHECK(carl.node->gossip.empty());
}

TEST_CASE(
    "A chunk's sender is the peer whose key the connection shows, whatever name the chunk gives",
    "[keys]") {
    TestLoop loop;
    KeyedNode anna(loop), bert(loop), liar(loop);
    anna.trusted = {bert.id(), liar.id()};
    std::vector<PeerId> heard;
    const std::vector<std::byte> chunk(protocol::limits::kChunkBytes);
    const auto open = [&](KeyedNode& of, BulkTransport::OnMessage on_message) {
        BulkTransportOptions options;
        options.bind = parse_bind("tcp://127.0.0.1:0", "").value();
        options.network = protocol::NetworkId(1);
        options.identity = std::shared_ptr<const identity::Identity>(of.keys, &of.keys->own);
        return std::make_unique<BulkTransport>(loop.io, of.context, options, std::move(on_message));
    };
    const auto ignore = [](const PeerId&, const protocol::Message&, auto) {};
    auto to_anna = open(
        anna, [&](const PeerId& from, const protocol::Message&, auto) { heard.push_back(from); });
    const std::string endpoint = to_anna->start().value();
    REQUIRE(to_anna->add_peer(bert.id(), bert.at.direct));
    REQUIRE(to_anna->add_peer(liar.id(), liar.at.direct));
    const auto send_as = [&](KeyedNode& sender, const PeerId& claimed) {
        auto bulk = open(sender, ignore);
        REQUIRE(bulk->start());
        REQUIRE(bulk->add_peer(anna.id(), endpoint));
        protocol::Header header;
        header.network = protocol::NetworkId(1);
        header.sender_tag = claimed.tag();
        protocol::BulkSend request;
        request.to = anna.id();
        request.message = protocol::ChunkRequest{{}, 0, 1};
        // As long as a chunk can be: encrypted it is longer.
        request.payload = chunk;
        const bool sent = loop.run_until([&] { return bulk->send(header, request); });
        const std::uint64_t refused = to_anna->counters().received_refused;
        const std::size_t before = heard.size();
        CHECK(loop.run_until([&] {
            return heard.size() > before || to_anna->counters().received_refused > refused;
        }));
        return sent;
    };
    CHECK(send_as(bert, bert.id()));
    CHECK(heard == std::vector<PeerId>{bert.id()});
    CHECK(send_as(liar, bert.id()));
    CHECK(heard == std::vector<PeerId>{bert.id()});
}

}  // namespace dynavg::daemon
