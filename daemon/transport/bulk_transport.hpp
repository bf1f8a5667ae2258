#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "daemon/transport/address.hpp"
#include "daemon/transport/traffic.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "identity/keys.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/wire/messages.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

class DoorWatch;

struct BulkTransportOptions {
    BindSettings bind;
    protocol::NetworkId network;
    /// Null: plain sockets, as in ZmqTransportOptions.
    std::shared_ptr<const identity::Identity> identity{};
    DoorWatch* doors = nullptr;  ///< As in ZmqTransportOptions.
};

/// Moves chunk requests and chunks between peers: the bulk channel of docs/protocol.md, "Channels
/// and messages". A message is two frames: encoded header and message, then the payload (maybe
/// empty).
///
/// Payloads are sent from where they lie, without a copy. A chunk that a peer's full queue (or lost
/// connection) does not take is dropped and counted: the peer that wants it asks again.
/// The sender is the added peer whose key the connection shows or, without keys, the header names.
///
/// Thread: the loop's, for everything. No call waits. Bytes that are no message are counted and
/// dropped.
class BulkTransport {
public:
    using OnMessage = std::function<void(const protocol::PeerId& from, const protocol::Message&,
                                         std::span<const std::byte> payload)>;

    BulkTransport(boost::asio::io_context& loop, ZmqContextPointer context,
                  BulkTransportOptions options, OnMessage on_message);
    ~BulkTransport();
    BulkTransport(const BulkTransport&) = delete;
    BulkTransport& operator=(const BulkTransport&) = delete;

    /// Binds; returns the endpoint as advertised.
    [[nodiscard]] Expected<std::string, Error> start();
    /// Idempotent, right after half a start.
    void stop(std::chrono::milliseconds linger = std::chrono::milliseconds(0));

    /// Replaces a connection to another endpoint of the peer.
    [[nodiscard]] Expected<void, Error> add_peer(const protocol::PeerId& peer,
                                                 const std::string& endpoint,
                                                 Existing existing = Existing::keep);
    void remove_peer(const protocol::PeerId& peer);

    /// False if it was dropped.
    bool send(const protocol::Header& header, const protocol::BulkSend& message);

    [[nodiscard]] const TransportCounters& counters() const;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
