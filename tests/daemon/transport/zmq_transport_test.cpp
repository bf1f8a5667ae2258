#include "daemon/transport/zmq_transport.hpp"

#include <unistd.h>

#include "daemon/app/clock.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/transport/hostile.hpp"
#include "tests/daemon/transport/slow_name_server.hpp"
#include "tests/daemon/transport/transport_node.hpp"

using namespace dynavg::daemon;
using dynavg::protocol::PeerId;
using dynavg::protocol::Traffic;

namespace {

const PeerId kAnna = PeerId::from_name("anna");
const PeerId kBert = PeerId::from_name("bert");

/// An address where nobody listens.
std::string vacant_address() {
    zmq::context_t context;
    zmq::socket_t socket(context, zmq::socket_type::router);
    socket.bind("tcp://127.0.0.1:*");
    return parse_address(socket.get(zmq::sockopt::last_endpoint)).value().text();
}

/// A socket of ZeroMQ's without our transport around it.
struct RawPeer {
    explicit RawPeer(zmq::socket_type type, const std::string& at = "127.0.0.1:*")
        : socket(context, type) {
        socket.set(zmq::sockopt::linger, 0);
        socket.bind("tcp://" + at);
        address = parse_address(socket.get(zmq::sockopt::last_endpoint)).value().text();
    }
    /// A message of one frame, or of a sender's id and a frame.
    [[nodiscard]] bool takes_one() {
        zmq::message_t frame;
        if (!socket.recv(frame, zmq::recv_flags::dontwait)) return false;
        if (frame.more()) {
            sender = frame.to_string();
            (void)socket.recv(frame, zmq::recv_flags::none);
        }
        text = frame.to_string();
        return true;
    }

    zmq::context_t context;
    zmq::socket_t socket;
    std::string address;
    std::string sender;
    std::string text;
};

}  // namespace

TEST_CASE("gossip comes with the publisher's identity", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop), carl(loop);
    const auto anna_at = anna.transport.start().value();
    const auto bert_at = bert.transport.start().value();
    REQUIRE(carl.transport.subscribe(kAnna, anna_at.gossip));
    REQUIRE(carl.transport.subscribe(kBert, bert_at.gossip));
    REQUIRE(loop.run_until(
        [&] { return anna.transport.subscribers() == 1 && bert.transport.subscribers() == 1; }));
    // Both say that they are anna.
    anna.transport.publish(as_message("anna"), Traffic::monitoring);
    bert.transport.publish(as_message("anna"), Traffic::monitoring);
    REQUIRE(loop.run_until([&] { return carl.gossip.size() == 2; }));
    std::map<PeerId, int> counts;
    for (const auto& [from, text] : carl.gossip) ++counts[from];
    CHECK(counts == std::map<PeerId, int>{{kAnna, 1}, {kBert, 1}});
}

TEST_CASE("published bytes count once for each subscriber", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop), carl(loop);
    const auto anna_at = anna.transport.start().value();
    const std::string text(100, 'x');
    anna.transport.publish(as_message(text), Traffic::monitoring);
    CHECK(anna.transport.counters().sent.total() == 0);
    REQUIRE(bert.transport.subscribe(kAnna, anna_at.gossip));
    REQUIRE(carl.transport.subscribe(kAnna, anna_at.gossip));
    REQUIRE(loop.run_until([&] { return anna.transport.subscribers() == 2; }));
    anna.transport.publish(as_message(text), Traffic::monitoring);
    CHECK(anna.transport.counters().sent == TrafficBytes{200, 0, 0});
    REQUIRE(loop.run_until([&] { return !bert.gossip.empty() && !carl.gossip.empty(); }));
    CHECK(bert.transport.counters().received == TrafficBytes{100, 0, 0});
    carl.transport.unsubscribe(kAnna);
    CHECK(loop.run_until([&] { return anna.transport.subscribers() == 1; }));
    bert.transport.stop();
    CHECK(loop.run_until([&] { return anna.transport.subscribers() == 0; }));
}

TEST_CASE("an answer goes back over the connection of the question", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    const auto bert_at = bert.transport.start().value();
    REQUIRE(anna.say(bert_at.direct, "hello"));
    REQUIRE(loop.run_until([&] { return bert.direct.size() == 1; }));
    CHECK(bert.transport.reply(bert.direct[0].first, as_message("welcome"), Traffic::overhead) ==
          SendOutcome::queued);
    REQUIRE(loop.run_until([&] { return anna.replies.size() == 1; }));
    CHECK(anna.replies[0] == std::pair<std::string, std::string>(bert_at.direct, "welcome"));

    anna.transport.bind_peer(kBert, bert_at.direct);
    CHECK(anna.transport.send(kBert, as_message("again"), Traffic::overhead) ==
          SendOutcome::queued);
    REQUIRE(loop.run_until([&] { return bert.direct.size() == 2; }));
    CHECK(anna.transport.counters().sent.overhead == 10);

    anna.transport.close(kBert);
    CHECK(anna.transport.send(kBert, as_message("lost"), Traffic::overhead) ==
          SendOutcome::unknown);
    // A connection that is gone is noticed by the one that answers.
    CHECK(loop.run_until([&] {
        return bert.transport.reply(bert.direct[0].first, as_message("late"), Traffic::overhead) ==
               SendOutcome::unknown;
    }));
}

TEST_CASE("nothing is queued for a peer that is not there", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop);
    const std::string nowhere = vacant_address();
    REQUIRE(anna.transport.dial({nowhere}));
    constexpr std::uint64_t kTries = 1000;
    for (std::uint64_t i = 0; i < kTries; ++i) {
        REQUIRE(anna.transport.send_to_address(nowhere, as_message("x"), Traffic::overhead) ==
                SendOutcome::blocked);
        loop.run_ready();
    }
    CHECK(anna.transport.counters().send_failed == kTries);
    CHECK(anna.transport.counters().sent.total() == 0);
    CHECK(anna.transport.send(kBert, as_message("x"), Traffic::overhead) == SendOutcome::unknown);
}

TEST_CASE("a peer that comes back is reached again", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop);
    std::string address;
    {
        TransportNode bert(loop);
        address = bert.transport.start().value().direct;
        REQUIRE(anna.say(address, "one"));
        REQUIRE(loop.run_until([&] { return bert.direct.size() == 1; }));
    }
    // The next two ports may be taken by now, so the router alone comes back.
    zmq::context_t context;
    zmq::socket_t again(context, zmq::socket_type::router);
    again.set(zmq::sockopt::linger, 0);
    REQUIRE(loop.run_until([&] { return bind_socket(again, *parse_address(address)); }));
    int received = 0;
    REQUIRE(loop.run_until([&] {
        (void)anna.transport.send_to_address(address, as_message("two"), Traffic::overhead);
        zmq::message_t frame;
        while (again.recv(frame, zmq::recv_flags::dontwait)) ++received;
        return received >= 2;
    }));
}

TEST_CASE("a greeting waits for its connection, and the last one counts", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop);
    const std::string address = vacant_address();
    REQUIRE(anna.transport.greet({address}, as_message("one"), Traffic::overhead));
    REQUIRE(anna.transport.greet({address}, as_message("two"), Traffic::overhead));
    CHECK(anna.transport.counters().sent.total() == 0);
    RawPeer bert(zmq::socket_type::router, address);
    REQUIRE(loop.run_until([&] { return bert.takes_one(); }));
    CHECK(bert.text == "two");
    REQUIRE(anna.transport.greet({address}, as_message("three"), Traffic::overhead));
    REQUIRE(loop.run_until([&] { return bert.takes_one(); }));
    CHECK(bert.text == "three");
    CHECK(anna.transport.counters().sent.overhead == 8);
    CHECK_FALSE(anna.transport.greet({"no address"}, as_message("x"), Traffic::overhead));
}

TEST_CASE("a silent connection is made anew when its peer is reached again", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop);
    RawPeer bert(zmq::socket_type::router);
    REQUIRE(anna.transport.greet({bert.address}, as_message("x"), Traffic::overhead));
    REQUIRE(loop.run_until([&] { return bert.takes_one(); }));
    const std::string first = bert.sender;
    const auto sender_after_renewal = [&] {
        REQUIRE(anna.transport.dial({bert.address}, Existing::renew));
        REQUIRE(anna.transport.greet({bert.address}, as_message("x"), Traffic::overhead));
        REQUIRE(loop.run_until([&] { return bert.takes_one(); }));
        return bert.sender;
    };
    // It was only just made.
    CHECK(sender_after_renewal() == first);
    // It had its time and has said nothing; but what has said something stays.
    const auto made = now();
    REQUIRE(loop.run_until([&] { return now() - made > zmq_numbers::kConnectTimeout; }));
    bert.socket.send(zmq::buffer(first), zmq::send_flags::sndmore);
    bert.socket.send(zmq::buffer(std::string("word")), zmq::send_flags::none);
    REQUIRE(loop.run_until([&] { return !anna.replies.empty(); }));
    CHECK(sender_after_renewal() == first);
    const auto heard = now();
    REQUIRE(loop.run_until([&] { return now() - heard > zmq_numbers::kConnectTimeout; }));
    CHECK(sender_after_renewal() != first);
}

TEST_CASE("a silent subscription is made anew, and one that speaks stays", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop);
    RawPeer bert(zmq::socket_type::xpub);
    bert.socket.set(zmq::sockopt::xpub_verboser, true);
    const std::string subscribed(1, '\1');
    const std::string unsubscribed(1, '\0');
    REQUIRE(anna.transport.subscribe(kBert, bert.address));
    REQUIRE(loop.run_until([&] { return bert.takes_one() && bert.text == subscribed; }));
    const auto made = now();
    REQUIRE(loop.run_until([&] { return now() - made > zmq_numbers::kConnectTimeout; }));
    bert.socket.send(zmq::buffer(std::string("news")), zmq::send_flags::none);
    REQUIRE(loop.run_until([&] { return anna.gossip.size() == 1; }));
    REQUIRE(anna.transport.subscribe(kBert, bert.address, Existing::renew));
    loop.run_ready();
    CHECK_FALSE(bert.takes_one());
    const auto heard = now();
    REQUIRE(loop.run_until([&] { return now() - heard > zmq_numbers::kConnectTimeout; }));
    REQUIRE(anna.transport.subscribe(kBert, bert.address));
    loop.run_ready();
    CHECK_FALSE(bert.takes_one());
    REQUIRE(anna.transport.subscribe(kBert, bert.address, Existing::renew));
    REQUIRE(loop.run_until([&] { return bert.takes_one() && bert.text == subscribed; }));
}

TEST_CASE("a port in use is an error that says where and what to do", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop);
    const auto taken = anna.transport.start().value().direct;
    TransportNode bert(loop, "tcp://" + taken);
    const auto started = bert.transport.start();
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().message, Catch::Contains("tcp://" + taken));
    CHECK_THAT(started.error().message, Catch::Contains("set another port in bind"));
    bert.transport.stop();
    bert.transport.stop();
    CHECK_FALSE(bert.transport.dial({"no address"}));
    CHECK_FALSE(bert.transport.subscribe(kAnna, "127.0.0.1:0"));
}

TEST_CASE("half a start leaves no port taken", "[zmq_transport]") {
    TestLoop loop;
    // The gossip port of this node is taken, the direct one below it is free.
    zmq::context_t context;
    zmq::socket_t blocker(context, zmq::socket_type::router);
    zmq::socket_t probe(context, zmq::socket_type::router);
    HostPort direct{"127.0.0.1", 0};
    REQUIRE(loop.run_until([&] {
        blocker = zmq::socket_t(context, zmq::socket_type::router);
        probe = zmq::socket_t(context, zmq::socket_type::router);
        direct.port = static_cast<std::uint16_t>(*bind_socket(blocker, {"127.0.0.1", 0}) - 1);
        return bind_socket(probe, direct).has_value();
    }));
    probe.close();
    TransportNode anna(loop, "tcp://" + direct.text());
    REQUIRE(loop.run_until([&] {
        const auto started = anna.transport.start();
        return !started && started.error().message.find(blocker.get(zmq::sockopt::last_endpoint)) !=
                               std::string::npos;
    }));
    zmq::socket_t again(context, zmq::socket_type::router);
    CHECK(loop.run_until([&] { return bind_socket(again, direct).has_value(); }));
}

TEST_CASE("a handler may close the connection that it hears from", "[zmq_transport]") {
    TestLoop loop;
    TransportNode bert(loop);
    const auto bert_at = bert.transport.start().value();
    int heard = 0;
    ZmqTransport* self = nullptr;
    ZmqTransportHandlers handlers = bert.handlers();
    handlers.on_reply = [&](const DialedId& dialed, std::span<const std::byte>) {
        ++heard;
        self->close_address(dialed.address);
        return ZmqTransportHandlers::Verdict{Traffic::overhead};
    };
    ZmqTransport anna(loop.io, make_zmq_context(),
                      {.bind = parse_bind("tcp://127.0.0.1:0", "").value()}, handlers);
    self = &anna;
    REQUIRE(anna.dial({bert_at.direct}));
    REQUIRE(loop.run_until([&] {
        return anna.send_to_address(bert_at.direct, as_message("hi"), Traffic::overhead) ==
               SendOutcome::queued;
    }));
    REQUIRE(loop.run_until([&] { return bert.direct.size() == 1; }));
    for (int i = 0; i < 5; ++i) {
        bert.transport.reply(bert.direct[0].first, as_message("yes"), Traffic::overhead);
    }
    REQUIRE(loop.run_until([&] { return heard > 0; }));
    loop.run_ready();
    CHECK(heard == 1);
}

TEST_CASE("a goodbye leaves before the end", "[zmq_transport]") {
    TestLoop loop;
    TransportNode bert(loop);
    const auto bert_at = bert.transport.start().value();
    {
        TransportNode anna(loop);
        REQUIRE(anna.say(bert_at.direct, "hello"));
        REQUIRE(loop.run_until([&] { return bert.direct.size() == 1; }));
        anna.transport.send_to_address(bert_at.direct, as_message("goodbye"), Traffic::overhead);
        anna.transport.stop(std::chrono::seconds(5));
        anna.transport.stop();
    }
    REQUIRE(loop.run_until([&] { return bert.direct.size() == 2; }));
    CHECK(bert.direct[1].second == "goodbye");
}

TEST_CASE("messages of many frames and odd subscriptions are refused", "[zmq_transport][hostile]") {
    TestLoop loop;
    TransportNode anna(loop);
    const auto at = anna.transport.start().value();
    HostileClient many_frames(at.direct, zmq::socket_type::dealer);
    for (int i = 0; i < 3; ++i) many_frames.send_frames(5000, 1000);
    REQUIRE(loop.run_until([&] { return anna.transport.counters().received_refused == 3; }));
    HostileClient subscriber(at.gossip, zmq::socket_type::sub);
    subscriber.socket().set(zmq::sockopt::subscribe, "topic");
    REQUIRE(loop.run_until([&] { return anna.transport.counters().received_refused == 4; }));
    CHECK(anna.transport.counters().received.total() == 0);
    CHECK(anna.transport.subscribers() == 0);
}

TEST_CASE("a name that takes long to look up delays no other peer", "[zmq_transport]") {
    // Longer than the loop, whose end waits for no name either.
    const SlowNameServer names;
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    const auto at = anna.transport.start().value();
    REQUIRE(bert.transport.dial({"slow.test:7400"}));
    REQUIRE(bert.transport.subscribe(kAnna, "slow.test:7401"));
    REQUIRE(loop.run_until([&] { return names.is_asked(); }));
    CHECK(bert.say(at.direct, "hello"));
    CHECK(loop.run_until([&] { return !anna.direct.empty(); }));
}

TEST_CASE("a name is connected to as soon as it is looked up", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    const auto at = parse_address(anna.transport.start().value().direct).value();
    CHECK(bert.say("localhost:" + std::to_string(at.port), "hello"));
    CHECK(loop.run_until([&] { return !anna.direct.empty(); }));
}

TEST_CASE("without descriptors a peer is not dialed, and is later", "[zmq_transport]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    const auto at = anna.transport.start().value();
    std::vector<int> taken;
    for (int one = dup(0); one >= 0; one = dup(0)) taken.push_back(one);
    const auto dialed = bert.transport.dial({at.direct});
    const auto subscribed = bert.transport.subscribe(kAnna, at.gossip);
    for (const int one : taken) close(one);
    REQUIRE_FALSE(dialed);
    CHECK_FALSE(subscribed);
    CHECK_THAT(dialed.error().message, Catch::Contains("limit of open files"));
    CHECK(bert.say(at.direct, "hello"));
    CHECK(loop.run_until([&] { return !anna.direct.empty(); }));
}

TEST_CASE("a frame above the limit ends its connection only", "[zmq_transport][hostile]") {
    constexpr std::size_t kLimit = dynavg::protocol::limits::kControlMessageBytesMax;
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    const auto at = anna.transport.start().value();
    REQUIRE(bert.say(at.direct, std::string(kLimit, 'x')));
    REQUIRE(bert.say(at.direct, std::string(kLimit + 1, 'y')));
    REQUIRE(bert.say(at.direct, "hello"));
    // ZeroMQ dials again by itself; messages queued behind the long one are lost with it.
    REQUIRE(loop.run_until([&] {
        (void)bert.transport.send_to_address(at.direct, as_message("hello"), Traffic::overhead);
        return anna.direct.size() >= 2;
    }));
    CHECK(anna.direct[0].second.size() == kLimit);
    CHECK(anna.direct[1].second == "hello");
}

TEST_CASE("both sockets stay usable after any bytes", "[zmq_transport][hostile]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    const auto at = anna.transport.start().value();
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        send_random_bytes(seed % 4 < 2 ? at.direct : at.gossip, seed);
        loop.run_ready();
    }
    constexpr std::size_t kTooLong = dynavg::protocol::limits::kControlMessageBytesMax + 1;
    HostileClient oversized(at.direct, zmq::socket_type::dealer);
    for (int i = 0; i < 3; ++i) oversized.send_frames(1, kTooLong);
    HostileClient many_frames(at.direct, zmq::socket_type::dealer);
    for (int i = 0; i < 3; ++i) many_frames.send_frames(5000, 1000);
    HostileClient subscriber(at.gossip, zmq::socket_type::sub);
    for (int i = 0; i < 3; ++i) subscriber.socket().set(zmq::sockopt::subscribe, "topic");
    REQUIRE(loop.run_until([&] { return anna.transport.counters().received_refused > 0; }));
    REQUIRE(bert.say(at.direct, "hello"));
    REQUIRE(loop.run_until([&] { return anna.direct.size() == 1; }));
    REQUIRE(bert.transport.subscribe(kAnna, at.gossip));
    REQUIRE(loop.run_until([&] {
        anna.transport.publish(as_message("news"), Traffic::monitoring);
        return !bert.gossip.empty();
    }));
    CHECK(anna.transport.counters().received == TrafficBytes{5, 0, 0});
}

TEST_CASE("a publisher that keeps to no rule harms no subscriber", "[zmq_transport][hostile]") {
    TestLoop loop;
    TransportNode anna(loop), bert(loop);
    zmq::context_t context;
    zmq::socket_t rogue(context, zmq::socket_type::xpub);
    rogue.set(zmq::sockopt::linger, 0);
    rogue.bind("tcp://127.0.0.1:*");
    const auto at = parse_address(rogue.get(zmq::sockopt::last_endpoint)).value().text();
    const auto bert_at = bert.transport.start().value();
    REQUIRE(anna.transport.subscribe(kAnna, at));
    REQUIRE(anna.transport.subscribe(kBert, bert_at.gossip));
    const auto frames_until = [&](std::size_t frames, std::size_t bytes, auto done) {
        return loop.run_until([&] {
            for (std::size_t i = 0; i < frames; ++i) {
                rogue.send(zmq::message_t(bytes),
                           i + 1 < frames ? zmq::send_flags::sndmore : zmq::send_flags::none);
            }
            return done();
        });
    };
    REQUIRE(frames_until(100, 10, [&] { return anna.transport.counters().received_refused > 0; }));
    CHECK(anna.gossip.empty());
    int oversized = 0;
    REQUIRE(frames_until(1, dynavg::protocol::limits::kControlMessageBytesMax + 1,
                         [&] { return ++oversized == 10; }));
    REQUIRE(loop.run_until([&] {
        bert.transport.publish(as_message("news"), Traffic::monitoring);
        return !anna.gossip.empty();
    }));
    CHECK(anna.gossip[0] == std::pair<PeerId, std::string>(kBert, "news"));
}
