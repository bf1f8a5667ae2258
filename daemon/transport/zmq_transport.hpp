#pragma once

#include <chrono>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "daemon/transport/address.hpp"
#include "daemon/transport/traffic.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "identity/keys.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/wire/messages.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

class DoorWatch;

/// The key of the other end of a connection; nothing in a network without keys.
using ProvenPeer = std::optional<protocol::PeerId>;

/// The connection over which a direct message came in; good for replies while it lasts.
struct ConnectionId {
    std::string bytes;
    ProvenPeer proven{};
    auto operator<=>(const ConnectionId&) const = default;
};

/// A connection that we dialed. With keys, only the peer whose key was given can be at the other
/// end.
struct DialedId {
    std::string address;
    ProvenPeer proven{};
    auto operator<=>(const DialedId&) const = default;
};

/// Handlers of incoming messages. Each returns the kind of the message, or nothing if it was
/// refused; both are counted. They may call the transport, also to close the connection that the
/// message came from.
struct ZmqTransportHandlers {
    using Bytes = std::span<const std::byte>;
    using Verdict = std::optional<protocol::Traffic>;
    std::function<Verdict(const protocol::PeerId& publisher, Bytes)> on_gossip;
    /// A message that a peer sent over a connection of its own making.
    std::function<Verdict(const ConnectionId& connection, Bytes)> on_direct;
    /// An answer over a connection that we dialed.
    std::function<Verdict(const DialedId& dialed, Bytes)> on_reply;
    /// A message over a connection that has shown the token of this key and no peer's key; reply()
    /// answers. The connection may be older than the token that is good now.
    std::function<Verdict(const ConnectionId& connection, const protocol::PeerId& token, Bytes)>
        on_introduction{};
    /// The answer to introduce(), whose connection ends with it.
    std::function<Verdict(const DialedId& dialed, Bytes)> on_introduction_reply{};
    /// In a network with keys this peer has subscribed to a topic, though no topic is in use. Each
    /// topic costs ZeroMQ memory, so all subscribers have been dropped. The peer is to be let in no
    /// more.
    std::function<void(const protocol::PeerId& from)> on_odd_subscription{};
};

/// The keys of this node.
struct Keys {
    identity::Identity own;
    std::optional<identity::Identity> token{};  ///< Of the network; introduce() shows it.
};

struct ZmqTransportOptions {
    BindSettings bind;
    /// Null: plain sockets. Else a ZapHandler must run in the context; it names peers by
    /// PeerId::hex(), and connections with only a token by token_user().
    std::shared_ptr<const Keys> keys{};
    DoorWatch* doors = nullptr;  ///< Outlives the transport; null: strangers are not named.
    /// The exact monitor's states are whole models.
    std::size_t gossip_message_bytes_max = protocol::limits::kControlMessageBytesMax;
    std::size_t direct_message_bytes_max = protocol::limits::kControlMessageBytesMax;
};

/// The name of a connection that shows nothing but the token of this key; no peer's name.
[[nodiscard]] std::string token_user(const protocol::PeerId& token);

/// The gossip and direct channels of docs/protocol.md, "Channels and messages", as bytes.
///
/// Gossip: one publisher, and one subscribing socket per other peer, because only the connection
/// says who published. Best effort: a message that a slow or new subscriber misses is lost in
/// silence. Direct: one ROUTER that peers dial, and one dialing socket per address. Messages to an
/// address without a completed connection are not queued but refused, so nothing grows while a peer
/// is away; a greeting alone waits for it. A connection that was lost is dialed again by ZeroMQ, at
/// growing intervals; greet() and Existing::renew try at once.
///
/// Thread: the loop's, for everything. No call waits. Bytes that are no message do no harm: they
/// are counted and dropped. Errors: start() and the calls that take an address return them.
class ZmqTransport {
public:
    ZmqTransport(boost::asio::io_context& loop, ZmqContextPointer context,
                 ZmqTransportOptions options, ZmqTransportHandlers handlers);
    ~ZmqTransport();
    ZmqTransport(const ZmqTransport&) = delete;
    ZmqTransport& operator=(const ZmqTransport&) = delete;

    /// Binds the direct and the gossip socket. The endpoints are as advertised; `bulk` is empty:
    /// BulkTransport binds it.
    [[nodiscard]] Expected<protocol::Endpoints, Error> start();
    /// Closes everything; a linger gives the last messages (goodbye) time to leave, in ZeroMQ's
    /// thread, before the context can end. Idempotent, right after half a start.
    void stop(std::chrono::milliseconds linger = std::chrono::milliseconds(0));

    // Gossip.
    void publish(std::span<const std::byte> message, protocol::Traffic traffic);
    /// Replaces a subscription to another endpoint of the peer.
    [[nodiscard]] Expected<void, Error> subscribe(const protocol::PeerId& publisher,
                                                  const std::string& endpoint,
                                                  Existing existing = Existing::keep);
    void unsubscribe(const protocol::PeerId& publisher);
    /// Ends the connections of all subscribers, which come back by themselves if they still may:
    /// for when a key is no longer trusted. Messages queued for them are lost.
    void drop_subscribers();
    /// Peers whose subscription has arrived here; published bytes count once for each.
    [[nodiscard]] std::size_t subscribers() const;

    // Direct. Where there are keys, an address without one cannot be dialed, and another key makes
    // another connection.
    [[nodiscard]] Expected<void, Error> dial(const DialedId& where,
                                             Existing existing = Existing::keep);
    /// Dials, and sends as soon as there is a connection. One that does not come about is tried
    /// anew with the next greeting, which replaces this one.
    [[nodiscard]] Expected<void, Error> greet(const DialedId& where,
                                              std::span<const std::byte> message,
                                              protocol::Traffic traffic);
    /// The same over a connection of its own, where this node shows the network's token instead of
    /// its key. Does nothing without a token.
    void introduce(const DialedId& where, std::span<const std::byte> message,
                   protocol::Traffic traffic);
    /// Ends the introductions to this peer that are under way.
    void end_introductions(const protocol::PeerId& to);
    SendOutcome send_to_address(const std::string& address, std::span<const std::byte> message,
                                protocol::Traffic traffic);
    /// From now on send(peer) goes to this dialed address. Earlier ones of the peer stay open.
    void bind_peer(const protocol::PeerId& peer, const std::string& address);
    SendOutcome send(const protocol::PeerId& peer, std::span<const std::byte> message,
                     protocol::Traffic traffic);
    SendOutcome reply(const ConnectionId& connection, std::span<const std::byte> message,
                      protocol::Traffic traffic);
    /// Closes all connections that were bound to the peer.
    void close(const protocol::PeerId& peer);
    void close_address(const std::string& address);

    [[nodiscard]] const TransportCounters& counters() const;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
