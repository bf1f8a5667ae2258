#include "daemon/transport/zmq_watcher.hpp"

#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <zmq.hpp>

namespace dynavg::daemon {

/// Shared with the handlers in Asio's queues, which may run after the watcher is gone.
struct ZmqWatcher::State : std::enable_shared_from_this<State> {
    State(boost::asio::io_context& loop, zmq::socket_t& watched, std::function<void()> receive,
          std::function<void()> writable)
        : socket(&watched),
          descriptor(loop),
          receive_one(std::move(receive)),
          on_writable(std::move(writable)) {}

    [[nodiscard]] bool has(int event) const {
        return (socket->get(zmq::sockopt::events) & event) != 0;
    }
    [[nodiscard]] bool readable() const { return has(ZMQ_POLLIN); }

    void arm() {
        if (armed || stopped) return;
        armed = true;
        descriptor.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                              [self = shared_from_this()](const boost::system::error_code&) {
                                  self->armed = false;
                                  // A pending drain will arm it again.
                                  if (!self->drain_posted) self->drain();
                              });
    }

    void post_drain() {
        if (drain_posted || stopped) return;
        drain_posted = true;
        boost::asio::post(descriptor.get_executor(), [self = shared_from_this()] {
            self->drain_posted = false;
            self->drain();
        });
    }

    void drain() {
        try {
            drain_some();
        } catch (const zmq::error_t& error) {
            if (error.num() != EINTR && error.num() != ETERM) throw;
            // Interrupted by a signal: again. The context has ended: never again.
            if (error.num() == EINTR) post_drain();
        }
    }

    void drain_some() {
        // Only now, with ZMQ_EVENTS read, does a send see a connection that has just come about.
        if (on_writable && !stopped && has(ZMQ_POLLOUT)) on_writable();
        for (std::size_t taken = 0; taken < kMessagesPerWakeUp; ++taken) {
            if (stopped) return;
            if (!readable()) return arm();
            receive_one();
        }
        post_drain();
    }

    zmq::socket_t* socket;
    boost::asio::posix::stream_descriptor descriptor;
    std::function<void()> receive_one;
    std::function<void()> on_writable;
    bool armed = false;
    bool drain_posted = false;
    bool stopped = false;
};

ZmqWatcher::ZmqWatcher(boost::asio::io_context& loop, zmq::socket_t& socket,
                       std::function<void()> receive_one, std::function<void()> on_writable)
    : m_state(
          std::make_shared<State>(loop, socket, std::move(receive_one), std::move(on_writable))) {
    m_state->descriptor.assign(socket.get(zmq::sockopt::fd));
    // Input that came before the watch began gives no edge any more.
    m_state->post_drain();
}

ZmqWatcher::~ZmqWatcher() {
    stop();
}

void ZmqWatcher::check() {
    if (m_state->stopped) return;
    const int wanted = m_state->on_writable ? ZMQ_POLLIN | ZMQ_POLLOUT : ZMQ_POLLIN;
    if (m_state->has(wanted)) m_state->post_drain();
}

void ZmqWatcher::stop() {
    if (std::exchange(m_state->stopped, true)) return;
    // The descriptor is ZeroMQ's: given back, never closed.
    m_state->descriptor.release();
}

}  // namespace dynavg::daemon
