#include "control/client.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "control/replies.hpp"
#include "control/unix_socket.hpp"

namespace dynavg::control {

namespace {

using Clock = std::chrono::steady_clock;
using Kind = ClientError::Kind;

Unexpected<ClientError> error(Kind kind, std::string message) {
    return Unexpected<ClientError>(ClientError{kind, std::move(message)});
}

std::string why_not_connected(const std::filesystem::path& path, int reason) {
    const std::string head =
        fmt::format("no daemon answers on {}: {}", path.string(), std::strerror(reason));
    switch (reason) {
        case ENOENT:
        case ECONNREFUSED:
            return head +
                   "; start it (systemctl start dynavgd, or dynavgd@NAME), or name its socket with "
                   "--control (its configuration's [node] control)";
        case EACCES:
        case EPERM:
            return head + "; run this as root or as a member of the daemon's group";
        default:
            return head;
    }
}

/// False at the deadline.
bool wait_for(int socket, short events, Clock::time_point deadline) {
    while (true) {
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) return false;
        pollfd ready{.fd = socket, .events = events, .revents = 0};
        const int polled = poll(&ready, 1, static_cast<int>(std::min<long>(left.count(), 60'000)));
        if (polled > 0) return true;
        if (polled < 0 && errno != EINTR) return false;
    }
}

/// Sends as much as is taken: one who refuses us has said why without reading.
void send_all(int socket, std::string_view data, Clock::time_point deadline) {
    while (!data.empty() && wait_for(socket, POLLOUT, deadline)) {
        const ssize_t sent = send(socket, data.data(), data.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            data.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN && errno != EINTR) {
            return;
        }
    }
}

/// One line without its newline; empty if none came in time.
std::string receive_line(int socket, Clock::time_point deadline) {
    std::string line;
    std::array<char, 16 * 1024> buffer{};
    while (line.size() < kReplyBytesMax && wait_for(socket, POLLIN, deadline)) {
        const ssize_t received = recv(socket, buffer.data(), buffer.size(), 0);
        if (received < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (received <= 0) return {};
        const std::string_view data(buffer.data(), static_cast<std::size_t>(received));
        const std::size_t end = data.find('\n');
        line += data.substr(0, end);
        if (end != std::string_view::npos) return line;
    }
    return {};
}

}  // namespace

Expected<nlohmann::json, ClientError> ask(const std::filesystem::path& socket,
                                          const nlohmann::json& request,
                                          std::chrono::milliseconds timeout) {
    const Clock::time_point deadline = Clock::now() + timeout;
    const posix::Descriptor connection = connect_unix(socket);
    if (!connection.is_open()) {
        const int reason = errno;
        const bool listens = reason != ENOENT && reason != ECONNREFUSED;
        return error(listens ? Kind::no_answer : Kind::not_running,
                     why_not_connected(socket, reason));
    }
    send_all(connection.number(), to_line(request), deadline);
    const std::string line = receive_line(connection.number(), deadline);
    if (line.empty()) {
        return error(Kind::no_answer,
                     fmt::format("no daemon answers on {}: {}", socket.string(),
                                 Clock::now() < deadline
                                     ? "the connection was closed without an answer"
                                     : fmt::format("nothing within {} ms", timeout.count())));
    }
    auto reply = from_line(line);
    if (!reply) {
        return error(Kind::bad_answer,
                     fmt::format("the program that answers on {} is no dynavgd of this "
                                 "version: its answer is no JSON object",
                                 socket.string()));
    }
    return std::move(*reply);
}

}  // namespace dynavg::control
