#include "daemon/transport/zmq_sockets.hpp"

#include <string>

#include <fmt/format.h>
#include <zmq.h>
#include <zmq.hpp>

#include "protocol/base/limits.hpp"

namespace dynavg::daemon {
namespace {

int milliseconds(std::chrono::milliseconds value) {
    return static_cast<int>(value.count());
}

/// "tcp://127.0.0.1:41231" -> 41231.
std::uint16_t bound_port(zmq::socket_t& socket) {
    const auto endpoint = parse_address(socket.get(zmq::sockopt::last_endpoint));
    return endpoint ? endpoint->port : std::uint16_t{0};
}

std::string bind_help(int error) {
    switch (error) {
        case EADDRINUSE:
            return "another program has that port: stop it, or set another port in bind (a node "
                   "needs three neighbouring ones)";
        case EADDRNOTAVAIL:
        case ENODEV:
            return "this machine has no such address: set bind to one that it has";
        case EACCES:
            return "ports below 1024 need a privilege: set a higher port in bind";
        default:
            return "set bind to tcp://ADDRESS:PORT with an address of this machine";
    }
}

}  // namespace

ZmqContextPointer make_zmq_context() {
    auto context = std::make_shared<zmq::context_t>();
    constexpr int kSocketsPerPeer = 3;
    context->set(zmq::ctxopt::max_sockets,
                 kSocketsPerPeer * static_cast<int>(protocol::limits::kPeersMax) +
                     static_cast<int>(zmq_numbers::kDialedMax));
    return context;
}

void set_options(zmq::socket_t& socket, const SocketOptions& options) {
    const bool bulk = options.use == SocketUse::bulk;
    const auto unacknowledged_max =
        bulk ? zmq_numbers::kBulkUnacknowledgedMax : zmq_numbers::kControlUnacknowledgedMax;
    socket.set(zmq::sockopt::linger, 0);
    socket.set(zmq::sockopt::sndhwm, options.queue_max);
    socket.set(zmq::sockopt::rcvhwm, options.queue_max);
    socket.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(options.frame_bytes_max));
    socket.set(zmq::sockopt::tcp_keepalive, 1);
    socket.set(zmq::sockopt::tcp_keepalive_idle,
               static_cast<int>(zmq_numbers::kKeepaliveIdle.count()));
    socket.set(zmq::sockopt::tcp_keepalive_intvl,
               static_cast<int>(zmq_numbers::kKeepaliveInterval.count()));
    socket.set(zmq::sockopt::tcp_keepalive_cnt, zmq_numbers::kKeepaliveProbes);
    socket.set(zmq::sockopt::tcp_maxrt, milliseconds(unacknowledged_max));
    socket.set(zmq::sockopt::handshake_ivl, milliseconds(zmq_numbers::kHandshakeTimeout));
    socket.set(zmq::sockopt::connect_timeout, milliseconds(zmq_numbers::kConnectTimeout));
    socket.set(zmq::sockopt::reconnect_ivl, milliseconds(zmq_numbers::kReconnectInterval));
    socket.set(zmq::sockopt::reconnect_ivl_max, milliseconds(zmq_numbers::kReconnectIntervalMax));
    socket.set(zmq::sockopt::ipv6, options.ipv6);
}

namespace {

zmq::const_buffer key_buffer(std::span<const std::uint8_t, identity::kKeyBytes> key) {
    return zmq::buffer(key.data(), key.size());
}

void make_room_for_curve(zmq::socket_t& socket) {
    const auto plain = socket.get(zmq::sockopt::maxmsgsize);
    socket.set(zmq::sockopt::maxmsgsize, plain + zmq_numbers::kCurveBytes);
}

}  // namespace

void secure_listening(zmq::socket_t& socket, const identity::Identity& own, Door door) {
    // ZMQ_ZAP_ENFORCE_DOMAIN, behind the draft API in 4.3.4's header: without a handler nobody is
    // let in, where else everybody would be.
    constexpr int kEnforceDomain = 93;
    const int yes = 1;
    make_room_for_curve(socket);
    socket.set(zmq::sockopt::curve_server, true);
    socket.set(zmq::sockopt::curve_secretkey, key_buffer(own.secret.bytes()));
    socket.set(zmq::sockopt::zap_domain, std::string(name_of(door)));
    if (zmq_setsockopt(socket.handle(), kEnforceDomain, &yes, sizeof yes) != 0) {
        throw zmq::error_t();
    }
}

void secure_dialing(zmq::socket_t& socket, const identity::Identity& own,
                    const protocol::PeerId& other) {
    make_room_for_curve(socket);
    socket.set(zmq::sockopt::curve_serverkey, key_buffer(other.bytes));
    socket.set(zmq::sockopt::curve_publickey, key_buffer(own.id.bytes));
    socket.set(zmq::sockopt::curve_secretkey, key_buffer(own.secret.bytes()));
}

std::string_view user_of(const zmq::message_t& frame) {
    // Unlike cppzmq's, it does not throw where there is none.
    const char* user = zmq_msg_gets(const_cast<zmq_msg_t*>(frame.handle()), "User-Id");
    return user == nullptr ? std::string_view() : user;
}

Expected<std::uint16_t, Error> bind_socket(zmq::socket_t& socket, const HostPort& address) {
    const std::string endpoint = "tcp://" + address.text();
    try {
        socket.bind(endpoint);
        return bound_port(socket);
    } catch (const zmq::error_t& error) {
        return fail(fmt::format("cannot listen on {}: {}; {}", endpoint, error.what(),
                                bind_help(error.num())));
    }
}

Expected<void, Error> connect_socket(zmq::socket_t& socket, const HostPort& where) {
    try {
        socket.connect("tcp://" + where.text());
        return {};
    } catch (const zmq::error_t& error) {
        return fail(fmt::format("cannot dial {}: {}", where.text(), error.what()));
    }
}

Received receive_message(zmq::socket_t& socket, std::size_t frames_max,
                         std::vector<zmq::message_t>& frames) {
    frames.clear();
    bool refused = false;
    bool more = true;
    zmq::message_t frame;
    while (more) {
        const auto size = socket.recv(frame, zmq::recv_flags::dontwait);
        if (!size) return refused || !frames.empty() ? Received::refused : Received::nothing;
        more = frame.more();
        if (frames.size() == frames_max) {
            refused = true;
        } else {
            frames.push_back(std::move(frame));
        }
    }
    return refused ? Received::refused : Received::message;
}

SendOutcome send_frame(zmq::socket_t& socket, zmq::message_t frame, MoreFrames more) {
    const auto flags = zmq::send_flags::dontwait |
                       (more == MoreFrames::yes ? zmq::send_flags::sndmore : zmq::send_flags::none);
    while (true) {
        try {
            return socket.send(frame, flags) ? SendOutcome::queued : SendOutcome::blocked;
        } catch (const zmq::error_t& error) {
            if (error.num() == EHOSTUNREACH) return SendOutcome::unknown;
            if (error.num() == ETERM) return SendOutcome::blocked;
            if (error.num() != EINTR) throw;
        }
    }
}

SendOutcome send_frame(zmq::socket_t& socket, std::span<const std::byte> frame, MoreFrames more) {
    return send_frame(socket, zmq::message_t(frame.data(), frame.size()), more);
}

void close_socket(zmq::socket_t& socket, std::chrono::milliseconds linger) {
    // At once: ZeroMQ itself would end it when the socket is gone, and that may wait for others.
    zmq_socket_monitor(socket.handle(), nullptr, 0);
    if (socket.handle() == nullptr) return;
    socket.set(zmq::sockopt::linger, milliseconds(linger));
    socket.close();
}

}  // namespace dynavg::daemon
