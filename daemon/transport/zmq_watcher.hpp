#pragma once

#include <cstddef>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}
namespace zmq {
class socket_t;
}

namespace dynavg::daemon {

/// Tells an Asio loop that a ZeroMQ socket has messages.
///
/// ZMQ_FD is edge-triggered and says nothing by itself: only ZMQ_EVENTS, read again after every
/// receive and send, tells whether something is waiting. So: each wake-up calls `receive_one` while
/// ZMQ_EVENTS says so, at most kMessagesPerWakeUp times, then posts itself, so that timers and
/// other sockets get their turn. The owner calls check() after each send on the socket, because a
/// send may swallow the edge.
///
/// Thread: the loop's, for everything. Both functions may destroy the watcher and close the socket.
/// The watcher must be stopped or destroyed before the socket is closed.
class ZmqWatcher {
public:
    static constexpr std::size_t kMessagesPerWakeUp = 64;

    /// `receive_one` takes one message without waiting. `on_writable`, if given, is called first at
    /// each wake-up at which the socket takes messages, so also when it begins to.
    ZmqWatcher(boost::asio::io_context& loop, zmq::socket_t& socket,
               std::function<void()> receive_one, std::function<void()> on_writable = {});
    ~ZmqWatcher();
    ZmqWatcher(const ZmqWatcher&) = delete;
    ZmqWatcher& operator=(const ZmqWatcher&) = delete;

    /// Call after each send, also one that failed. Calls neither function itself. Cost: one
    /// getsockopt.
    void check();
    /// No call of `receive_one` begins after it. Idempotent.
    void stop();

private:
    struct State;
    std::shared_ptr<State> m_state;
};

}  // namespace dynavg::daemon
