#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include <zmq.hpp>

#include "daemon/app/clock.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "daemon/transport/zmq_watcher.hpp"

namespace dynavg::daemon {

struct Channel;
using ChannelPointer = std::unique_ptr<Channel>;

/// A socket with its watcher, which must go first. For the transports' .cpp files.
struct Channel {
    Channel(zmq::context_t& context, zmq::socket_type type);
    /// Fails if no socket is left, or no file descriptor.
    [[nodiscard]] static Expected<ChannelPointer, Error> open(zmq::context_t& context,
                                                              zmq::socket_type type,
                                                              const SocketOptions& options);
    ~Channel();
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void watch(boost::asio::io_context& loop, std::function<void()> receive_one,
               std::function<void()> on_writable = {});
    /// Connects now, or for a name as soon as it is looked up, which is tried again until it
    /// succeeds. ZeroMQ itself would look it up before every try, in the one thread that serves all
    /// connections: a name server that does not answer would silence all peers. To look
    /// the name up anew, make the channel anew. Fails if `address` is no address.
    [[nodiscard]] Expected<void, Error> connect(boost::asio::io_context& loop,
                                                std::string_view address);
    /// Whether this connecting socket is worth replacing when its peer is reached again: it had the
    /// time to connect, and nothing has come over it lately. Not while its name is looked up.
    [[nodiscard]] bool is_doubtful(protocol::Instant at) const;
    void close(std::chrono::milliseconds linger);

    zmq::socket_t socket;
    protocol::Instant opened = now();
    protocol::Instant heard{};  ///< When something last came in, where the owner keeps it.
    std::optional<ZmqWatcher> watcher;

private:
    class Connecting;

    bool m_ipv6 = false;
    std::unique_ptr<Connecting> m_connecting;  ///< While a name is looked up.
};

[[nodiscard]] inline std::span<const std::byte> bytes_of(const zmq::message_t& frame) {
    return {static_cast<const std::byte*>(frame.data()), frame.size()};
}

}  // namespace dynavg::daemon
