#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <span>
#include <utility>

#include <zmq.hpp>

#include "daemon/clock.hpp"
#include "daemon/zmq_sockets.hpp"
#include "daemon/zmq_watcher.hpp"

namespace dynavg::daemon {

/// A socket with its watcher, which must go first. For the transports' .cpp files.
struct Channel {
    Channel(zmq::context_t& context, zmq::socket_type type) : socket(context, type) {}
    ~Channel() { close(std::chrono::milliseconds(0)); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;

    void watch(boost::asio::io_context& loop, std::function<void()> receive_one,
               std::function<void()> on_writable = {}) {
        watcher.emplace(loop, socket, std::move(receive_one), std::move(on_writable));
    }
    /// Whether this connecting socket is worth replacing when its peer is reached again: it had the
    /// time to connect, and nothing has come over it lately.
    [[nodiscard]] bool is_doubtful(protocol::Instant at) const {
        constexpr protocol::Duration kEvidenceFor = std::chrono::seconds(1);
        return at - opened >= zmq_numbers::kConnectTimeout && at - heard >= kEvidenceFor;
    }
    void close(std::chrono::milliseconds linger) {
        watcher.reset();
        close_socket(socket, linger);
    }

    zmq::socket_t socket;
    protocol::Instant opened = now();
    protocol::Instant heard{};  ///< When something last came in, where the owner keeps it.
    std::optional<ZmqWatcher> watcher;
};

using ChannelPointer = std::unique_ptr<Channel>;

[[nodiscard]] inline std::span<const std::byte> bytes_of(const zmq::message_t& frame) {
    return {static_cast<const std::byte*>(frame.data()), frame.size()};
}

}  // namespace dynavg::daemon
