#include "daemon/doors/door_watch.hpp"

#include <chrono>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "daemon/doors/zap_handler.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"
#include "tests/daemon/transport/transport_node.hpp"
#include "tests/ends_within.hpp"

namespace dynavg::daemon {

namespace {

using boost::asio::ip::tcp;

/// A transport with keys whose doors are watched.
struct WatchedNode {
    explicit WatchedNode(TestLoop& loop)
        : zap(loop.io, context, [](const Knock&) { return std::string(); }),
          doors(context, [this, &loop](const Stranger& stranger) {
              boost::asio::post(loop.io, [this, stranger] { strangers.push_back(stranger); });
          }) {
        REQUIRE(zap.start());
        auto keys = std::make_shared<Keys>(Keys{identity::make_identity(), {}});
        id = keys->own.id;
        node.emplace(loop, context,
                     ZmqTransportOptions{.bind = parse_bind("tcp://127.0.0.1:0", "").value(),
                                         .keys = std::move(keys),
                                         .doors = &doors});
        at = node->transport.start().value();
    }

    ZmqContextPointer context = make_zmq_context();
    protocol::PeerId id;
    std::vector<Stranger> strangers;
    ZapHandler zap;
    DoorWatch doors;
    std::optional<TransportNode> node;
    protocol::Endpoints at;
};

tcp::socket connect_to(TestLoop& loop, const std::string& address) {
    tcp::socket socket(loop.io);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), parse_address(address)->port});
    return socket;
}

}  // namespace

TEST_CASE("A connection that says nothing is named when its time is up", "[doors]") {
    TestLoop loop;
    WatchedNode anna(loop);
    const tcp::socket idle = connect_to(loop, anna.at.gossip);
    REQUIRE(loop.run_until([&] { return !anna.strangers.empty(); }));
    CHECK(anna.strangers[0].address == "127.0.0.1");
    CHECK(anna.strangers[0].door == Door::gossip);
    CHECK(anna.strangers[0].may_be_harmless);
}

TEST_CASE("A connection that speaks another protocol is named, once for a door", "[doors]") {
    TestLoop loop;
    WatchedNode anna(loop);
    const std::string request = "GET / HTTP/1.0\r\n\r\n";
    for (int i = 0; i < 20; ++i) {
        tcp::socket browser = connect_to(loop, anna.at.direct);
        boost::asio::write(browser, boost::asio::buffer(request));
        char answer = 0;
        boost::system::error_code error;
        while (browser.read_some(boost::asio::buffer(&answer, 1), error) > 0) {
        }
    }
    REQUIRE(loop.run_until([&] { return !anna.strangers.empty(); }));
    loop.run_ready();
    // Whether a connection is gone before its address is known is a matter of microseconds.
    CHECK(anna.strangers.size() <= 2);
    CHECK(anna.strangers[0].door == Door::direct);
}

TEST_CASE("A peer that takes this node for one with another key is told so", "[doors]") {
    TestLoop loop;
    WatchedNode anna(loop);
    WatchedNode bert(loop);
    REQUIRE(bert.node->transport.dial({anna.at.direct, identity::make_identity().id}));
    REQUIRE(loop.run_until([&] { return !anna.strangers.empty(); }));
    CHECK_THAT(anna.strangers[0].reason, Catch::Matchers::Contains("another key"));
}

TEST_CASE("A peer whose key is not trusted is named by its key, not as a stranger", "[doors]") {
    TestLoop loop;
    WatchedNode anna(loop);
    WatchedNode bert(loop);
    REQUIRE(bert.node->transport.dial({anna.at.direct, anna.id}));
    // The two connections come one after the other; so do their ends.
    const tcp::socket idle = connect_to(loop, anna.at.direct);
    REQUIRE(loop.run_until([&] { return !anna.strangers.empty(); }));
    CHECK(anna.strangers.size() == 1);
    CHECK(anna.strangers[0].may_be_harmless);
}

TEST_CASE("A watch ends with sockets that come and go, and however many connect", "[doors]") {
    CHECK(test::ends_within(std::chrono::seconds(60), [] {
        TestLoop loop;
        WatchedNode anna(loop);
        // More than a monitor's queues hold, one by one: ZeroMQ's queue of those that wait is
        // short.
        for (int i = 0; i < 1500; ++i) {
            if (i % 500 == 0) anna.node->transport.drop_subscribers();
            tcp::socket guest = connect_to(loop, anna.at.direct);
            boost::asio::write(guest, boost::asio::buffer("GET"));
        }
        anna.node->transport.stop();
    }));
}

}  // namespace dynavg::daemon
