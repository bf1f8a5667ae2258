#include "daemon/transport/bulk_transport.hpp"

#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <zmq.hpp>

#include "daemon/doors/door_watch.hpp"
#include "daemon/transport/zmq_channel.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/wire/codec.hpp"

namespace dynavg::daemon {

using protocol::PeerId;

namespace {

struct BulkPeer {
    std::string endpoint;
    ChannelPointer channel;
};

using Keep = std::shared_ptr<const void>;

/// A frame that lies in memory that `keep` owns. ZeroMQ lets go of it in its own thread.
zmq::message_t frame_in_place(std::span<const std::byte> payload, Keep keep) {
    if (payload.empty()) return {};
    auto hint = std::make_unique<Keep>(std::move(keep));
    // ZeroMQ's interface knows no const; it only reads.
    zmq::message_t frame(
        const_cast<std::byte*>(payload.data()), payload.size(),
        [](void*, void* held) { delete static_cast<Keep*>(held); }, hint.get());
    (void)hint.release();
    return frame;
}

bool is_bulk(const protocol::Message& message) {
    return std::holds_alternative<protocol::ChunkRequest>(message) ||
           std::holds_alternative<protocol::Chunk>(message);
}

}  // namespace

struct BulkTransport::Parts {
    Parts(boost::asio::io_context& io, ZmqContextPointer zmq_context,
          BulkTransportOptions transport_options, OnMessage message_handler)
        : loop(io),
          context(std::move(zmq_context)),
          options(std::move(transport_options)),
          on_message(std::move(message_handler)) {}

    boost::asio::io_context& loop;
    ZmqContextPointer context;
    BulkTransportOptions options;
    OnMessage on_message;
    TransportCounters counters;
    ChannelPointer router;  ///< Null unless started.
    std::map<PeerId, BulkPeer> peers;
    std::map<std::uint32_t, PeerId> peer_by_tag;

    [[nodiscard]] Expected<ChannelPointer, Error> open(zmq::socket_type type) const {
        return Channel::open(*context, type,
                             {.use = SocketUse::bulk,
                              .frame_bytes_max = protocol::limits::kChunkBytes,
                              .queue_max = zmq_numbers::kBulkQueueMax,
                              .ipv6 = options.bind.ipv6});
    }

    /// The sender, if it is a peer that was added.
    [[nodiscard]] std::optional<PeerId> sender_of(const zmq::message_t& head,
                                                  const protocol::Header& header) const {
        if (options.identity) {
            const auto proven = PeerId::from_hex(user_of(head));
            const bool known = proven && peers.contains(*proven);
            return known && proven->tag() == header.sender_tag ? proven : std::nullopt;
        }
        const auto found = peer_by_tag.find(header.sender_tag);
        if (found == peer_by_tag.end()) return {};
        return found->second;
    }

    void receive();
    [[nodiscard]] bool deliver(const zmq::message_t& head, const zmq::message_t& payload);
};

void BulkTransport::Parts::receive() {
    constexpr std::size_t kFrames = 3;  // Routing id, header and message, payload.
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(router->socket, kFrames, frames);
    if (received == Received::nothing) return;
    if (received == Received::refused || frames.size() != kFrames ||
        !deliver(frames[1], frames[2])) {
        ++counters.received_refused;
    }
}

bool BulkTransport::Parts::deliver(const zmq::message_t& head, const zmq::message_t& payload) {
    if (head.size() > protocol::limits::kBulkHeaderBytesMax) return false;
    if (payload.size() > protocol::limits::kChunkBytes) return false;
    const auto envelope = protocol::wire::decode(bytes_of(head));
    if (!envelope || !is_bulk(envelope->message)) return false;
    if (envelope->header.network != options.network) return false;
    const auto from = sender_of(head, envelope->header);
    if (!from) return false;
    counters.received.add(protocol::traffic_of(envelope->message), head.size() + payload.size());
    on_message(*from, envelope->message, bytes_of(payload));
    return true;
}

BulkTransport::BulkTransport(boost::asio::io_context& loop, ZmqContextPointer context,
                             BulkTransportOptions options, OnMessage on_message)
    : m_parts(std::make_unique<Parts>(loop, std::move(context), std::move(options),
                                      std::move(on_message))) {}

BulkTransport::~BulkTransport() {
    stop();
}

Expected<std::string, Error> BulkTransport::start() {
    Parts& parts = *m_parts;
    auto router = parts.open(zmq::socket_type::router);
    if (!router) return Unexpected<Error>(std::move(router.error()));
    parts.router = std::move(*router);
    if (parts.options.identity) {
        secure_listening(parts.router->socket, *parts.options.identity, Door::bulk);
    }
    if (auto watched = watch_door(parts.options.doors, parts.router->socket, Door::bulk);
        !watched) {
        stop();
        return Unexpected<Error>(std::move(watched.error()));
    }
    parts.router->watch(parts.loop, [&parts] { parts.receive(); });
    const auto port =
        bind_socket(parts.router->socket, bind_address(parts.options.bind, NodePort::bulk));
    if (!port) {
        stop();
        return Unexpected<Error>(port.error());
    }
    return advertised_address(parts.options.bind, NodePort::bulk, *port).text();
}

void BulkTransport::stop(std::chrono::milliseconds linger) {
    for (auto& [id, peer] : m_parts->peers) peer.channel->close(linger);
    m_parts->peers.clear();
    m_parts->peer_by_tag.clear();
    m_parts->router.reset();
}

Expected<void, Error> BulkTransport::add_peer(const PeerId& peer, const std::string& endpoint,
                                              Existing existing) {
    Parts& parts = *m_parts;
    const auto found = parts.peers.find(peer);
    const bool known = found != parts.peers.end();
    if (known && found->second.endpoint == endpoint) {
        if (existing == Existing::keep || !found->second.channel->is_doubtful(now())) return {};
    }
    if (!known && parts.peers.size() >= protocol::limits::kPeersMax) {
        return fail("as many peers as there may be are connected");
    }
    auto opened = parts.open(zmq::socket_type::dealer);
    if (!opened) return Unexpected<Error>(std::move(opened.error()));
    ChannelPointer channel = std::move(*opened);
    channel->socket.set(zmq::sockopt::immediate, true);
    if (parts.options.identity) secure_dialing(channel->socket, *parts.options.identity, peer);
    auto connected = channel->connect(parts.loop, endpoint);
    if (!connected) return connected;
    // Nobody answers over these, but a wake-up also lets ZeroMQ do its bookkeeping.
    channel->watch(parts.loop, [&parts, self = channel.get()] {
        std::vector<zmq::message_t> frames;
        if (receive_message(self->socket, 1, frames) != Received::nothing) {
            ++parts.counters.received_refused;
        }
    });
    parts.peers[peer] = BulkPeer{endpoint, std::move(channel)};
    parts.peer_by_tag[peer.tag()] = peer;
    return {};
}

void BulkTransport::remove_peer(const PeerId& peer) {
    const auto tag = m_parts->peer_by_tag.find(peer.tag());
    if (tag != m_parts->peer_by_tag.end() && tag->second == peer) m_parts->peer_by_tag.erase(tag);
    m_parts->peers.erase(peer);
}

bool BulkTransport::send(const protocol::Header& header, const protocol::BulkSend& message) {
    Parts& parts = *m_parts;
    const auto found = parts.peers.find(message.to);
    const auto head = protocol::wire::encode(header, message.message);
    SendOutcome outcome = SendOutcome::unknown;
    if (found != parts.peers.end()) {
        Channel& channel = *found->second.channel;
        outcome = send_frame(channel.socket, head, MoreFrames::yes);
        if (outcome == SendOutcome::queued) {
            outcome = send_frame(channel.socket, frame_in_place(message.payload, message.keep),
                                 MoreFrames::no);
        }
        channel.watcher->check();
    }
    if (outcome != SendOutcome::queued) {
        ++parts.counters.send_failed;
        return false;
    }
    parts.counters.sent.add(protocol::traffic_of(message.message),
                            head.size() + message.payload.size());
    return true;
}

const TransportCounters& BulkTransport::counters() const {
    return m_parts->counters;
}

}  // namespace dynavg::daemon
