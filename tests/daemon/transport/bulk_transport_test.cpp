#include "daemon/transport/bulk_transport.hpp"

#include <memory>
#include <numeric>

#include "daemon/app/clock.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"
#include "tests/daemon/transport/hostile.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using protocol::BulkSend;
using protocol::PeerId;

namespace {

constexpr protocol::NetworkId kNetwork{7};
const PeerId kAnna = PeerId::from_name("anna");
const PeerId kBert = PeerId::from_name("bert");

struct Arrival {
    PeerId from;
    protocol::Message message;
    std::vector<std::byte> payload;
};

struct BulkNode {
    BulkNode(TestLoop& test_loop, PeerId self)
        : loop(test_loop),
          transport(test_loop.io, make_zmq_context(),
                    {parse_bind("tcp://127.0.0.1:0", "").value(), kNetwork},
                    [this](const PeerId& from, const protocol::Message& message,
                           std::span<const std::byte> payload) {
                        arrivals.push_back({from, message, {payload.begin(), payload.end()}});
                    }) {
        header.network = kNetwork;
        header.sender_tag = self.tag();
        endpoint = transport.start().value();
    }
    /// Sends as soon as the connection stands.
    [[nodiscard]] bool send(const BulkSend& message) {
        return loop.run_until([&] { return transport.send(header, message); });
    }

    TestLoop& loop;
    std::vector<Arrival> arrivals;
    protocol::Header header;
    std::string endpoint;
    BulkTransport transport;
};

BulkSend chunk_to(PeerId to, std::size_t bytes) {
    auto values = std::make_shared<std::vector<std::byte>>(bytes);
    for (std::size_t i = 0; i < bytes; ++i) (*values)[i] = static_cast<std::byte>(i * 7);
    BulkSend send;
    send.to = to;
    send.message = protocol::Chunk{};
    send.payload = *values;
    send.keep = values;
    return send;
}

BulkSend request_to(PeerId to) {
    BulkSend send;
    send.to = to;
    send.message = protocol::ChunkRequest{{}, 3, 2};
    return send;
}

/// Two nodes that know each other.
struct Two {
    Two() : anna(loop, kAnna), bert(loop, kBert) {
        REQUIRE(anna.transport.add_peer(kBert, bert.endpoint));
        REQUIRE(bert.transport.add_peer(kAnna, anna.endpoint));
    }
    [[nodiscard]] bool bert_has(std::size_t arrivals) {
        return loop.run_until([&] { return bert.arrivals.size() == arrivals; });
    }
    TestLoop loop;
    BulkNode anna;
    BulkNode bert;
};

}  // namespace

TEST_CASE("a chunk arrives as it was, with its sender", "[bulk_transport]") {
    Two two;
    for (const std::size_t bytes :
         {std::size_t{0}, std::size_t{1}, protocol::limits::kChunkBytes}) {
        const auto chunk = chunk_to(kBert, bytes);
        REQUIRE(two.anna.send(chunk));
        REQUIRE(two.bert_has(1));
        CHECK(two.bert.arrivals[0].from == kAnna);
        CHECK(two.bert.arrivals[0].message == chunk.message);
        CHECK(std::equal(chunk.payload.begin(), chunk.payload.end(),
                         two.bert.arrivals[0].payload.begin(), two.bert.arrivals[0].payload.end()));
        two.bert.arrivals.clear();
    }
    const auto request = request_to(kBert);
    REQUIRE(two.anna.send(request));
    REQUIRE(two.bert_has(1));
    CHECK(two.bert.arrivals[0].message == request.message);
    const auto& sent = two.anna.transport.counters().sent;
    CHECK(sent.averaging > protocol::limits::kChunkBytes);
    CHECK(two.bert.transport.counters().received == sent);
}

TEST_CASE("a payload is kept until it is sent, and no longer", "[bulk_transport]") {
    Two two;
    std::weak_ptr<const void> kept;
    {
        auto chunk = chunk_to(kBert, protocol::limits::kChunkBytes);
        kept = chunk.keep;
        REQUIRE(two.anna.send(chunk));
    }
    REQUIRE(two.bert_has(1));
    CHECK(two.loop.run_until([&] { return kept.expired(); }));
    // A chunk that is dropped is let go of too.
    {
        auto chunk = chunk_to(PeerId::from_name("nobody"), 10);
        kept = chunk.keep;
        CHECK_FALSE(two.anna.transport.send(two.anna.header, chunk));
    }
    CHECK(kept.expired());
    CHECK(two.anna.transport.counters().send_failed > 0);
}

TEST_CASE("a peer that takes nothing makes no queue grow", "[bulk_transport]") {
    TestLoop loop;
    BulkNode anna(loop, kAnna);
    // Connects, but never reads.
    zmq::context_t context;
    zmq::socket_t deaf(context, zmq::socket_type::router);
    deaf.set(zmq::sockopt::linger, 0);
    deaf.set(zmq::sockopt::rcvhwm, 1);
    deaf.bind("tcp://127.0.0.1:*");
    const auto at = parse_address(deaf.get(zmq::sockopt::last_endpoint)).value().text();
    REQUIRE(anna.transport.add_peer(kBert, at));
    const auto chunk = chunk_to(kBert, protocol::limits::kChunkBytes);
    REQUIRE(anna.send(chunk));
    int queued = 0;
    bool full = false;
    while (!full && queued < 10000) {
        full = !anna.transport.send(anna.header, chunk);
        if (!full) ++queued;
    }
    CHECK(full);
}

TEST_CASE("a connection is made anew when its peer is reached again", "[bulk_transport]") {
    Two two;
    zmq::context_t context;
    zmq::socket_t carl(context, zmq::socket_type::router);
    carl.set(zmq::sockopt::linger, 0);
    carl.bind("tcp://127.0.0.1:*");
    const PeerId id = PeerId::from_name("carl");
    const auto address = parse_address(carl.get(zmq::sockopt::last_endpoint)).value().text();
    const auto sender = [&](Existing existing) {
        REQUIRE(two.anna.transport.add_peer(id, address, existing));
        REQUIRE(two.anna.send(request_to(id)));
        std::vector<zmq::message_t> frames;
        REQUIRE(two.loop.run_until(
            [&] { return receive_message(carl, 3, frames) == Received::message; }));
        return frames.at(0).to_string();
    };
    const auto made = now();
    const std::string first = sender(Existing::keep);
    CHECK(sender(Existing::renew) == first);
    REQUIRE(two.loop.run_until([&] { return now() - made > zmq_numbers::kConnectTimeout; }));
    CHECK(sender(Existing::keep) == first);
    CHECK(sender(Existing::renew) != first);
}

TEST_CASE("strangers, other networks and other messages are refused", "[bulk_transport]") {
    Two two;
    REQUIRE(two.anna.send(request_to(kBert)));
    REQUIRE(two.bert_has(1));
    const auto header = two.anna.header;
    const auto refused = [&] { return two.bert.transport.counters().received_refused; };
    two.anna.header.sender_tag = PeerId::from_name("carl").tag();
    REQUIRE(two.anna.send(request_to(kBert)));
    REQUIRE(two.loop.run_until([&] { return refused() == 1; }));
    two.anna.header = header;
    two.anna.header.network = protocol::NetworkId(8);
    REQUIRE(two.anna.send(request_to(kBert)));
    REQUIRE(two.loop.run_until([&] { return refused() == 2; }));
    two.anna.header = header;
    BulkSend goodbye = request_to(kBert);
    goodbye.message = protocol::Goodbye{};
    REQUIRE(two.anna.send(goodbye));
    REQUIRE(two.loop.run_until([&] { return refused() == 3; }));
    two.bert.transport.remove_peer(kAnna);
    REQUIRE(two.anna.send(request_to(kBert)));
    REQUIRE(two.loop.run_until([&] { return refused() == 4; }));
    CHECK(two.bert.arrivals.size() == 1);
}

TEST_CASE("the bulk socket stays usable after any bytes", "[bulk_transport][hostile]") {
    Two two;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        send_random_bytes(two.bert.endpoint, seed);
        two.loop.run_ready();
    }
    const auto refused = [&] { return two.bert.transport.counters().received_refused; };
    HostileClient client(two.bert.endpoint, zmq::socket_type::dealer);
    const auto before = refused();
    client.send_frames(1, 10);
    client.send_frames(2, 100);
    client.send_frames(2, protocol::limits::kChunkBytes);
    client.send_frames(5000, 1000);
    REQUIRE(two.loop.run_until([&] { return refused() >= before + 4; }));
    client.send_frames(2, protocol::limits::kChunkBytes + 1);
    // A valid header with one frame too many.
    const auto head = protocol::wire::encode(two.anna.header, protocol::Chunk{});
    HostileClient mimic(two.bert.endpoint, zmq::socket_type::dealer);
    for (int frame = 0; frame < 3; ++frame) {
        mimic.socket().send(zmq::message_t(head.data(), head.size()),
                            frame < 2 ? zmq::send_flags::sndmore : zmq::send_flags::none);
    }
    REQUIRE(two.loop.run_until([&] { return refused() >= before + 5; }));
    CHECK(two.bert.arrivals.empty());
    REQUIRE(two.anna.send(request_to(kBert)));
    REQUIRE(two.bert_has(1));
}
