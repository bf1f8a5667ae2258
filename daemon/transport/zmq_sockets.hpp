#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/transport/address.hpp"
#include "identity/keys.hpp"
#include "peer/door.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"

namespace zmq {
class context_t;
class message_t;
class socket_t;
}  // namespace zmq

namespace dynavg::daemon {

/// Shared by the transports of all threads; ends (and waits for lingering messages) with the last.
using ZmqContextPointer = std::shared_ptr<zmq::context_t>;

/// A context with room for three sockets per peer.
[[nodiscard]] ZmqContextPointer make_zmq_context();

/// Values of ZeroMQ's socket options, each with its reason.
namespace zmq_numbers {
/// ZeroMQ never notices by itself that a connection's other end is gone. The kernel's keepalive
/// does it, not ZMTP's heartbeats: with them, libzmq 4.3.4 ends the process if a queue is full as
/// the connection breaks ("Assertion failed: !_io_error", libzmq#4364), as after a freeze of this
/// process.
inline constexpr std::chrono::seconds kKeepaliveIdle{1};
inline constexpr std::chrono::seconds kKeepaliveInterval{1};
inline constexpr int kKeepaliveProbes = 3;
/// A connection on which sent bytes stay unacknowledged for so long is dead. On a slow link some
/// bytes of a chunk always get through.
inline constexpr std::chrono::milliseconds kControlUnacknowledgedMax{4000};
inline constexpr std::chrono::milliseconds kBulkUnacknowledgedMax{20000};
/// Without it, a SYN that was lost in a cut would be repeated for two minutes, ever more rarely.
inline constexpr std::chrono::milliseconds kConnectTimeout{2000};
/// The wait doubles from the first to the second value: it is never much longer than the outage. A
/// caller that knows that a peer is back does not wait (Existing::renew).
inline constexpr std::chrono::milliseconds kReconnectInterval{500};
inline constexpr std::chrono::milliseconds kReconnectIntervalMax{30000};
/// Idle TCP connections would otherwise hold descriptors for 30 s.
inline constexpr std::chrono::milliseconds kHandshakeTimeout{2000};
/// Messages per connection and direction.
inline constexpr int kGossipQueueMax = 256;
inline constexpr int kDirectQueueMax = 128;
inline constexpr int kBulkQueueMax = 64;
/// With keys a frame is longer on the wire, and MAXMSGSIZE counts that (CurveZMQ's MESSAGE: 33).
inline constexpr std::int64_t kCurveBytes = 64;
/// Frames that only manage a subscription, or make a connection with keys (some 300 bytes).
inline constexpr std::size_t kSubscriptionBytesMax = 1024;
/// Connections that we dial by address, seeds included.
inline constexpr std::size_t kDialedMax = 1024;
}  // namespace zmq_numbers

enum class SocketUse { control, bulk };

/// The treatment of a connection that is there already. renew: it is made anew, unless it evidently
/// works or was only just made. Messages queued in the old one are lost.
enum class Existing { keep, renew };

/// The options that every socket must set before bind and connect.
struct SocketOptions {
    SocketUse use = SocketUse::control;
    std::size_t frame_bytes_max = 0;
    int queue_max = 0;  ///< Both directions.
    bool ipv6 = false;
};
void set_options(zmq::socket_t& socket, const SocketOptions& options);

/// One of a node's listening sockets; its name is also its domain in ZAP.
using peer::Door;

/// Before bind: only CURVE connections that the ZapHandler admits at this door are let in.
void secure_listening(zmq::socket_t& socket, const identity::Identity& own, Door door);
/// Before connect: the other end must have this key, and learns ours.
void secure_dialing(zmq::socket_t& socket, const identity::Identity& own,
                    const protocol::PeerId& other);

/// The ZapHandler's name for the sender of this message; empty without keys. Any frame tells.
[[nodiscard]] std::string_view user_of(const zmq::message_t& frame);

/// Binds and returns the port; the error names the address and what to do.
[[nodiscard]] Expected<std::uint16_t, Error> bind_socket(zmq::socket_t& socket,
                                                         const HostPort& address);
/// `where` is numeric: ZeroMQ would look a name up where all connections wait for it.
[[nodiscard]] Expected<void, Error> connect_socket(zmq::socket_t& socket, const HostPort& where);

enum class Received {
    nothing,  ///< Nothing is waiting.
    message,  ///< `frames` holds a whole message.
    refused,  ///< A message with more frames or a longer frame than allowed was thrown away.
};

/// Takes one message without waiting. ZeroMQ checks MAXMSGSIZE per frame only, hence the count.
/// (libzmq holds the frames of an unfinished message itself, without a bound.)
[[nodiscard]] Received receive_message(zmq::socket_t& socket, std::size_t frames_max,
                                       std::vector<zmq::message_t>& frames);

enum class SendOutcome {
    queued,   ///< ZeroMQ has it; it may still die with the connection.
    blocked,  ///< No completed connection, or its queue is full: dropped.
    unknown,  ///< No such peer, address or connection (any more).
};

enum class MoreFrames { no, yes };

/// Never waits. Only the first frame of a message can fail.
SendOutcome send_frame(zmq::socket_t& socket, zmq::message_t frame, MoreFrames more);
SendOutcome send_frame(zmq::socket_t& socket, std::span<const std::byte> frame, MoreFrames more);

/// LINGER, then close.
void close_socket(zmq::socket_t& socket, std::chrono::milliseconds linger);

}  // namespace dynavg::daemon
