#include "daemon/transport/zmq_watcher.hpp"

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include <boost/asio/post.hpp>
#include <poll.h>
#include <zmq.hpp>

#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"

using namespace dynavg::daemon;

namespace {

constexpr int kUnlimited = 0;

/// Two connected sockets; ZeroMQ queues whatever is sent.
struct Pair {
    explicit Pair(zmq::socket_type near_type, zmq::socket_type far_type)
        : near(context, near_type), far(context, far_type) {
        for (auto* socket : {&near, &far}) {
            socket->set(zmq::sockopt::sndhwm, kUnlimited);
            socket->set(zmq::sockopt::rcvhwm, kUnlimited);
            socket->set(zmq::sockopt::linger, 0);
        }
        near.bind("tcp://127.0.0.1:*");
        far.connect(near.get(zmq::sockopt::last_endpoint));
    }
    [[nodiscard]] bool take_one() {
        zmq::message_t message;
        return near.recv(message, zmq::recv_flags::dontwait).has_value();
    }
    /// The descriptor says that ZeroMQ has something to tell.
    [[nodiscard]] bool has_edge() const {
        pollfd descriptor{near.get(zmq::sockopt::fd), POLLIN, 0};
        return ::poll(&descriptor, 1, 0) == 1;
    }

    zmq::context_t context;
    zmq::socket_t near;
    zmq::socket_t far;
};

}  // namespace

TEST_CASE("a watcher sees every one of 20,000 messages", "[zmq_watcher]") {
    constexpr int kMessages = 20000;
    Pair pair(zmq::socket_type::pull, zmq::socket_type::push);
    TestLoop loop;
    int received = 0;
    ZmqWatcher watcher(loop.io, pair.near, [&] { received += pair.take_one() ? 1 : 0; });
    std::thread sender([&] {
        for (int i = 0; i < kMessages; ++i)
            pair.far.send(zmq::message_t(100), zmq::send_flags::none);
    });
    CHECK(loop.run_until([&] { return received == kMessages; }));
    sender.join();
}

TEST_CASE("a flood leaves the loop's other work its turn", "[zmq_watcher]") {
    constexpr int kMessages = 5000;
    Pair pair(zmq::socket_type::pull, zmq::socket_type::push);
    for (int i = 0; i < kMessages; ++i) pair.far.send(zmq::message_t(100), zmq::send_flags::none);
    TestLoop loop;
    int received = 0;
    std::optional<int> seen_by_other;
    ZmqWatcher watcher(loop.io, pair.near, [&] {
        if (!pair.take_one()) return;
        if (++received == 1) boost::asio::post(loop.io, [&] { seen_by_other = received; });
    });
    REQUIRE(loop.run_until([&] { return received == kMessages; }));
    REQUIRE(seen_by_other);
    CHECK(*seen_by_other <= static_cast<int>(ZmqWatcher::kMessagesPerWakeUp));
}

TEST_CASE("an arrival whose edge a send has swallowed is seen", "[zmq_watcher]") {
    Pair pair(zmq::socket_type::pair, zmq::socket_type::pair);
    TestLoop loop;
    int received = 0;
    ZmqWatcher watcher(loop.io, pair.near, [&] { received += pair.take_one() ? 1 : 0; });
    pair.far.send(zmq::message_t(1), zmq::send_flags::none);
    REQUIRE(loop.run_until([&] { return received == 1; }));
    for (int arrival = 2; arrival <= 6; ++arrival) {
        loop.run_ready();
        pair.far.send(zmq::message_t(1), zmq::send_flags::none);
        // The loop does not run: only the sends below can take the edge away.
        while (!pair.has_edge()) std::this_thread::yield();
        while (pair.has_edge()) pair.near.send(zmq::message_t(1), zmq::send_flags::dontwait);
        watcher.check();
        REQUIRE(loop.run_until([&] { return received == arrival; }));
    }
}

TEST_CASE("messages that came before the watch are seen", "[zmq_watcher]") {
    Pair pair(zmq::socket_type::pull, zmq::socket_type::push);
    pair.far.send(zmq::message_t(1), zmq::send_flags::none);
    zmq::pollitem_t item{pair.near.handle(), 0, ZMQ_POLLIN, 0};
    REQUIRE(zmq::poll(&item, 1, std::chrono::seconds(30)) == 1);
    TestLoop loop;
    int received = 0;
    ZmqWatcher watcher(loop.io, pair.near, [&] { received += pair.take_one() ? 1 : 0; });
    CHECK(loop.run_until([&] { return received == 1; }));
}

TEST_CASE("a receiver may end its own watcher and socket", "[zmq_watcher]") {
    Pair pair(zmq::socket_type::pull, zmq::socket_type::push);
    for (int i = 0; i < 10; ++i) pair.far.send(zmq::message_t(1), zmq::send_flags::none);
    TestLoop loop;
    int received = 0;
    std::optional<ZmqWatcher> watcher;
    watcher.emplace(loop.io, pair.near, [&] {
        if (!pair.take_one()) return;
        ++received;
        watcher.reset();
        pair.near.close();
    });
    REQUIRE(loop.run_until([&] { return received > 0; }));
    loop.run_ready();
    CHECK(received == 1);
}
