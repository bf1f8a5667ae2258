#include "daemon/transport/zmq_transport.hpp"

#include <map>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <zmq.hpp>

#include "daemon/doors/door_watch.hpp"
#include "daemon/transport/zmq_channel.hpp"

namespace dynavg::daemon {

using protocol::PeerId;
using protocol::Traffic;

namespace {

struct Subscription {
    std::string endpoint;
    ChannelPointer channel;
};

/// A message that waits for its connection.
struct Greeting {
    std::vector<std::byte> message;
    Traffic traffic = Traffic::overhead;
};

struct Dialed {
    ProvenPeer proven;
    ChannelPointer channel;
    std::optional<Greeting> greeting;
};

using DialedByAddress = std::map<std::string, Dialed>;

constexpr std::string_view kTokenUserBegin = "token:";

std::optional<PeerId> token_of(std::string_view user) {
    if (!user.starts_with(kTokenUserBegin)) return std::nullopt;
    return PeerId::from_hex(user.substr(kTokenUserBegin.size()));
}

/// Between two tries to have a port again that was ours a moment ago.
constexpr std::chrono::milliseconds kBindAgain{20};

}  // namespace

struct ZmqTransport::Parts {
    Parts(boost::asio::io_context& io, ZmqContextPointer zmq_context,
          ZmqTransportOptions transport_options, ZmqTransportHandlers transport_handlers)
        : loop(io),
          context(std::move(zmq_context)),
          options(std::move(transport_options)),
          handlers(std::move(transport_handlers)) {}

    boost::asio::io_context& loop;
    ZmqContextPointer context;
    ZmqTransportOptions options;
    ZmqTransportHandlers handlers;
    TransportCounters counters;

    ChannelPointer router;  ///< Null unless started, as the next.
    ChannelPointer publisher;
    std::uint16_t publisher_port = 0;
    boost::asio::steady_timer bind_again{loop};
    std::size_t subscribers = 0;
    std::map<PeerId, Subscription> subscriptions;
    DialedByAddress dialed;
    DialedByAddress introductions;                         ///< As `dialed`, under the token's name.
    std::map<PeerId, std::vector<std::string>> addresses;  ///< The last one is in use.

    [[nodiscard]] Expected<ChannelPointer, Error> open(zmq::socket_type type,
                                                       std::size_t frame_bytes_max,
                                                       int queue_max) const {
        return Channel::open(*context, type,
                             {.use = SocketUse::control,
                              .frame_bytes_max = frame_bytes_max,
                              .queue_max = queue_max,
                              .ipv6 = options.bind.ipv6});
    }

    void judge(std::optional<Traffic> verdict, std::size_t bytes) {
        if (verdict) {
            counters.received.add(*verdict, bytes);
        } else {
            ++counters.received_refused;
        }
    }

    SendOutcome count(SendOutcome outcome, Traffic traffic, std::size_t bytes) {
        if (outcome == SendOutcome::queued) {
            counters.sent.add(traffic, bytes);
        } else {
            ++counters.send_failed;
        }
        return outcome;
    }

    /// The sender of a frame, as its key proves; nothing in a network without keys.
    [[nodiscard]] ProvenPeer proven_by(const zmq::message_t& frame) const {
        return options.keys ? PeerId::from_hex(user_of(frame)) : ProvenPeer();
    }

    void receive_direct();
    void receive_subscription();
    void receive_gossip(const PeerId& from, Channel& channel);
    void receive_reply(const DialedId& where, Channel& channel);
    void receive_introduction_reply(const DialedId& where, Channel& channel);
    [[nodiscard]] Expected<ChannelPointer, Error> open_dialed(const DialedId& where,
                                                              const identity::Identity* as);
    void send_greeting(DialedByAddress& among, const std::string& address);
    [[nodiscard]] Expected<std::uint16_t, Error> bind_router();
    [[nodiscard]] Expected<std::uint16_t, Error> bind_publisher(HostPort address);
    void bind_publisher_again();
    void drop_subscribers();
    void forget_address(const std::string& address);
};

void ZmqTransport::Parts::receive_direct() {
    constexpr std::size_t kFrames = 2;  // Routing id, message.
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(router->socket, kFrames, frames);
    if (received == Received::nothing) return;
    if (received == Received::refused || frames.size() != kFrames) {
        ++counters.received_refused;
        return;
    }
    const ConnectionId connection{frames[0].to_string(), proven_by(frames[1])};
    if (!options.keys || connection.proven) {
        judge(handlers.on_direct(connection, bytes_of(frames[1])), frames[1].size());
    } else if (const auto token = token_of(user_of(frames[1])); token && handlers.on_introduction) {
        judge(handlers.on_introduction(connection, *token, bytes_of(frames[1])), frames[1].size());
    } else {
        ++counters.received_refused;
    }
}

void ZmqTransport::Parts::receive_subscription() {
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(publisher->socket, 1, frames);
    if (received == Received::nothing) return;
    // One byte: subscribe to, or leave, everything. We publish no topics.
    const auto bytes =
        received == Received::message ? bytes_of(frames[0]) : std::span<const std::byte>{};
    if (bytes.size() == 1 && bytes[0] == std::byte{1}) {
        // A peer may repeat itself; the number only serves to count bytes.
        if (subscribers < protocol::limits::kPeersMax) ++subscribers;
    } else if (bytes.size() == 1 && bytes[0] == std::byte{0}) {
        if (subscribers > 0) --subscribers;
    } else {
        ++counters.received_refused;
        const ProvenPeer from = frames.empty() ? ProvenPeer() : proven_by(frames[0]);
        if (!from || !handlers.on_odd_subscription) return;
        drop_subscribers();  // And with them this socket.
        handlers.on_odd_subscription(*from);
    }
}

void ZmqTransport::Parts::drop_subscribers() {
    publisher.reset();
    subscribers = 0;
    bind_publisher_again();
}

void ZmqTransport::Parts::receive_gossip(const PeerId& from, Channel& channel) {
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(channel.socket, 1, frames);
    if (received == Received::nothing) return;
    if (received == Received::refused) {
        ++counters.received_refused;
        return;
    }
    channel.heard = now();
    judge(handlers.on_gossip(from, bytes_of(frames[0])), frames[0].size());
}

void ZmqTransport::Parts::receive_reply(const DialedId& where, Channel& channel) {
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(channel.socket, 1, frames);
    if (received == Received::nothing) return;
    if (received == Received::refused) {
        ++counters.received_refused;
        return;
    }
    channel.heard = now();
    judge(handlers.on_reply(where, bytes_of(frames[0])), frames[0].size());
}

void ZmqTransport::Parts::receive_introduction_reply(const DialedId& where, Channel& channel) {
    std::vector<zmq::message_t> frames;
    const Received received = receive_message(channel.socket, 1, frames);
    if (received == Received::nothing) return;
    if (received == Received::refused || !handlers.on_introduction_reply) {
        ++counters.received_refused;
        return;
    }
    // The connection ends, and with it this function's copy of whom it led to.
    const DialedId to = where;
    introductions.erase(to.address);
    judge(handlers.on_introduction_reply(to, bytes_of(frames[0])), frames[0].size());
}

Expected<std::uint16_t, Error> ZmqTransport::Parts::bind_router() {
    auto opened = open(zmq::socket_type::router, options.direct_message_bytes_max,
                       zmq_numbers::kDirectQueueMax);
    if (!opened) return Unexpected<Error>(std::move(opened.error()));
    router = std::move(*opened);
    // Else a reply to a connection that is gone would vanish without a word.
    router->socket.set(zmq::sockopt::router_mandatory, true);
    if (options.keys) secure_listening(router->socket, options.keys->own, Door::direct);
    if (auto watched = watch_door(options.doors, router->socket, Door::direct); !watched) {
        return Unexpected<Error>(std::move(watched.error()));
    }
    router->watch(loop, [this] { receive_direct(); });
    return bind_socket(router->socket, bind_address(options.bind, NodePort::direct));
}

Expected<std::uint16_t, Error> ZmqTransport::Parts::bind_publisher(HostPort address) {
    auto opened = open(zmq::socket_type::xpub, zmq_numbers::kSubscriptionBytesMax,
                       zmq_numbers::kGossipQueueMax);
    if (!opened) return Unexpected<Error>(std::move(opened.error()));
    publisher = std::move(*opened);
    // Tells of every subscriber, not only of the first and the last.
    publisher->socket.set(zmq::sockopt::xpub_verboser, true);
    if (options.keys) secure_listening(publisher->socket, options.keys->own, Door::gossip);
    if (auto watched = watch_door(options.doors, publisher->socket, Door::gossip); !watched) {
        return Unexpected<Error>(std::move(watched.error()));
    }
    publisher->watch(loop, [this] { receive_subscription(); });
    return bind_socket(publisher->socket, address);
}

/// ZeroMQ gives a port back a little later than it closes a socket.
void ZmqTransport::Parts::bind_publisher_again() {
    HostPort address = options.bind.bind;
    address.port = publisher_port;
    if (bind_publisher(address)) return;
    publisher.reset();
    bind_again.expires_after(kBindAgain);
    bind_again.async_wait([this](const boost::system::error_code& error) {
        if (!error) bind_publisher_again();
    });
}

/// `as`: the key that is shown. The caller sets the receiver of the channel.
Expected<ChannelPointer, Error> ZmqTransport::Parts::open_dialed(const DialedId& where,
                                                                 const identity::Identity* as) {
    if (options.keys && !where.proven) {
        return fail(where.address + ": without its key a peer cannot be dialed");
    }
    auto opened = open(zmq::socket_type::dealer, options.direct_message_bytes_max,
                       zmq_numbers::kDirectQueueMax);
    if (!opened) return opened;
    ChannelPointer channel = std::move(*opened);
    // Nothing is queued for a peer that is not there.
    channel->socket.set(zmq::sockopt::immediate, true);
    if (options.keys) secure_dialing(channel->socket, *as, *where.proven);
    auto connected = channel->connect(loop, where.address);
    if (!connected) return Unexpected<Error>(std::move(connected.error()));
    return channel;
}

void ZmqTransport::Parts::send_greeting(DialedByAddress& among, const std::string& address) {
    const auto found = among.find(address);
    if (found == among.end() || !found->second.greeting) return;
    const Greeting& greeting = *found->second.greeting;
    const SendOutcome outcome =
        send_frame(found->second.channel->socket, greeting.message, MoreFrames::no);
    if (outcome == SendOutcome::blocked) return;
    count(outcome, greeting.traffic, greeting.message.size());
    found->second.greeting.reset();
}

void ZmqTransport::Parts::forget_address(const std::string& address) {
    dialed.erase(address);
    introductions.erase(address);
    for (auto& [peer, list] : addresses) std::erase(list, address);
    std::erase_if(addresses, [](const auto& entry) { return entry.second.empty(); });
}

std::string token_user(const PeerId& token) {
    return std::string(kTokenUserBegin) + token.hex();
}

ZmqTransport::ZmqTransport(boost::asio::io_context& loop, ZmqContextPointer context,
                           ZmqTransportOptions options, ZmqTransportHandlers handlers)
    : m_parts(std::make_unique<Parts>(loop, std::move(context), std::move(options),
                                      std::move(handlers))) {}

ZmqTransport::~ZmqTransport() {
    stop();
}

Expected<protocol::Endpoints, Error> ZmqTransport::start() {
    const auto direct = m_parts->bind_router();
    const auto gossip =
        direct ? m_parts->bind_publisher(bind_address(m_parts->options.bind, NodePort::gossip))
               : direct;
    if (!gossip) {
        stop();
        return Unexpected<Error>(gossip.error());
    }
    const auto& settings = m_parts->options.bind;
    m_parts->publisher_port = *gossip;
    protocol::Endpoints endpoints;
    endpoints.direct = advertised_address(settings, NodePort::direct, *direct).text();
    endpoints.gossip = advertised_address(settings, NodePort::gossip, *gossip).text();
    return endpoints;
}

void ZmqTransport::stop(std::chrono::milliseconds linger) {
    Parts& parts = *m_parts;
    parts.bind_again.cancel();
    for (auto& [peer, subscription] : parts.subscriptions) {
        subscription.channel->close(std::chrono::milliseconds(0));
    }
    for (auto& [address, dialed] : parts.dialed) dialed.channel->close(linger);
    if (parts.publisher) parts.publisher->close(linger);
    if (parts.router) parts.router->close(linger);
    parts.subscriptions.clear();
    parts.dialed.clear();
    parts.introductions.clear();
    parts.addresses.clear();
    parts.publisher.reset();
    parts.router.reset();
    parts.subscribers = 0;
}

void ZmqTransport::publish(std::span<const std::byte> message, Traffic traffic) {
    Parts& parts = *m_parts;
    if (!parts.publisher) return;
    send_frame(parts.publisher->socket, message, MoreFrames::no);
    parts.publisher->watcher->check();
    parts.counters.sent.add(traffic, message.size() * parts.subscribers);
}

Expected<void, Error> ZmqTransport::subscribe(const PeerId& publisher, const std::string& endpoint,
                                              Existing existing) {
    Parts& parts = *m_parts;
    const auto found = parts.subscriptions.find(publisher);
    if (found != parts.subscriptions.end() && found->second.endpoint == endpoint) {
        if (existing == Existing::keep || !found->second.channel->is_doubtful(now())) return {};
    }
    if (found == parts.subscriptions.end() &&
        parts.subscriptions.size() >= protocol::limits::kPeersMax) {
        return fail("subscribed to as many peers as there may be");
    }
    auto opened = parts.open(zmq::socket_type::sub, parts.options.gossip_message_bytes_max,
                             zmq_numbers::kGossipQueueMax);
    if (!opened) return Unexpected<Error>(std::move(opened.error()));
    ChannelPointer channel = std::move(*opened);
    channel->socket.set(zmq::sockopt::subscribe, "");
    if (parts.options.keys) secure_dialing(channel->socket, parts.options.keys->own, publisher);
    auto connected = channel->connect(parts.loop, endpoint);
    if (!connected) return connected;
    channel->watch(parts.loop, [&parts, publisher, self = channel.get()] {
        parts.receive_gossip(publisher, *self);
    });
    parts.subscriptions[publisher] = Subscription{endpoint, std::move(channel)};
    return {};
}

void ZmqTransport::unsubscribe(const PeerId& publisher) {
    m_parts->subscriptions.erase(publisher);
}

void ZmqTransport::drop_subscribers() {
    if (m_parts->publisher) m_parts->drop_subscribers();
}

std::size_t ZmqTransport::subscribers() const {
    return m_parts->subscribers;
}

Expected<void, Error> ZmqTransport::dial(const DialedId& where, Existing existing) {
    Parts& parts = *m_parts;
    const auto found = parts.dialed.find(where.address);
    if (found == parts.dialed.end() && parts.dialed.size() >= zmq_numbers::kDialedMax) {
        return fail("as many connections as there may be are open");
    }
    if (found != parts.dialed.end() && found->second.proven == where.proven) {
        if (existing == Existing::keep || !found->second.channel->is_doubtful(now())) return {};
    }
    auto channel =
        parts.open_dialed(where, parts.options.keys ? &parts.options.keys->own : nullptr);
    if (!channel) return Unexpected<Error>(std::move(channel.error()));
    (*channel)->watch(
        parts.loop, [&parts, where, self = channel->get()] { parts.receive_reply(where, *self); },
        [&parts, where] { parts.send_greeting(parts.dialed, where.address); });
    Dialed& dialed = parts.dialed[where.address];
    dialed.proven = where.proven;
    dialed.channel = std::move(*channel);
    return {};
}

Expected<void, Error> ZmqTransport::greet(const DialedId& where, std::span<const std::byte> message,
                                          Traffic traffic) {
    if (auto dialed = dial(where); !dialed) return dialed;
    Dialed& dialed = m_parts->dialed.at(where.address);
    dialed.greeting = Greeting{{message.begin(), message.end()}, traffic};
    m_parts->send_greeting(m_parts->dialed, where.address);
    dialed.channel->watcher->check();
    return dialed.greeting ? dial(where, Existing::renew) : Expected<void, Error>{};
}

void ZmqTransport::introduce(const DialedId& where, std::span<const std::byte> message,
                             Traffic traffic) {
    Parts& parts = *m_parts;
    if (!parts.options.keys || !parts.options.keys->token) return;
    if (parts.introductions.size() >= zmq_numbers::kDialedMax) return;
    const auto found = parts.introductions.find(where.address);
    if (found != parts.introductions.end() && !found->second.channel->is_doubtful(now())) return;
    auto channel = parts.open_dialed(where, &*parts.options.keys->token);
    if (!channel) return;
    (*channel)->watch(
        parts.loop,
        [&parts, where, self = channel->get()] { parts.receive_introduction_reply(where, *self); },
        [&parts, where] { parts.send_greeting(parts.introductions, where.address); });
    Dialed& dialed = parts.introductions[where.address];
    dialed = {where.proven, std::move(*channel),
              Greeting{{message.begin(), message.end()}, traffic}};
    parts.send_greeting(parts.introductions, where.address);
    dialed.channel->watcher->check();
}

void ZmqTransport::end_introductions(const PeerId& to) {
    std::erase_if(m_parts->introductions,
                  [&](const auto& entry) { return entry.second.proven == to; });
}

SendOutcome ZmqTransport::send_to_address(const std::string& address,
                                          std::span<const std::byte> message, Traffic traffic) {
    Parts& parts = *m_parts;
    const auto found = parts.dialed.find(address);
    if (found == parts.dialed.end()) return parts.count(SendOutcome::unknown, traffic, 0);
    Channel& channel = *found->second.channel;
    const SendOutcome outcome = send_frame(channel.socket, message, MoreFrames::no);
    channel.watcher->check();
    return parts.count(outcome, traffic, message.size());
}

void ZmqTransport::bind_peer(const PeerId& peer, const std::string& address) {
    if (!m_parts->dialed.contains(address)) return;
    auto& list = m_parts->addresses[peer];
    std::erase(list, address);
    list.push_back(address);
}

SendOutcome ZmqTransport::send(const PeerId& peer, std::span<const std::byte> message,
                               Traffic traffic) {
    const auto found = m_parts->addresses.find(peer);
    if (found == m_parts->addresses.end()) return m_parts->count(SendOutcome::unknown, traffic, 0);
    return send_to_address(found->second.back(), message, traffic);
}

SendOutcome ZmqTransport::reply(const ConnectionId& connection, std::span<const std::byte> message,
                                Traffic traffic) {
    Parts& parts = *m_parts;
    if (!parts.router) return parts.count(SendOutcome::unknown, traffic, 0);
    const auto id = std::as_bytes(std::span(connection.bytes));
    SendOutcome outcome = send_frame(parts.router->socket, id, MoreFrames::yes);
    if (outcome == SendOutcome::queued) {
        outcome = send_frame(parts.router->socket, message, MoreFrames::no);
    }
    parts.router->watcher->check();
    return parts.count(outcome, traffic, message.size());
}

void ZmqTransport::close(const PeerId& peer) {
    const auto found = m_parts->addresses.find(peer);
    if (found == m_parts->addresses.end()) return;
    const auto addresses = found->second;
    for (const auto& address : addresses) m_parts->forget_address(address);
}

void ZmqTransport::close_address(const std::string& address) {
    m_parts->forget_address(std::string(address));
}

const TransportCounters& ZmqTransport::counters() const {
    return m_parts->counters;
}

}  // namespace dynavg::daemon
