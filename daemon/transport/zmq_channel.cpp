#include "daemon/transport/zmq_channel.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fmt/format.h>

#include "daemon/transport/name_lookup.hpp"

namespace dynavg::daemon {

namespace asio = boost::asio;
using boost::system::error_code;

/// Of one name, until it is found.
class Channel::Connecting {
public:
    Connecting(asio::io_context& loop, HostPort where, NameLookup::Family family, Channel& channel)
        : m_loop(loop),
          m_again(loop),
          m_where(std::move(where)),
          m_family(family),
          m_channel(channel) {
        look_up();
    }

private:
    void look_up() {
        m_lookup.emplace(m_loop, m_where.host, m_family,
                         [this](const std::vector<std::string>& addresses) {
                             if (addresses.empty()) return look_up_later();
                             connect(addresses.front());
                         });
    }

    void look_up_later() {
        m_again.expires_after(m_wait);
        m_wait = std::min(m_wait * 2, zmq_numbers::kReconnectIntervalMax);
        m_again.async_wait([this, alive = std::weak_ptr(m_alive)](const error_code& error) {
            if (!error && !alive.expired()) look_up();
        });
    }

    /// Ends this.
    void connect(const std::string& address) {
        Channel& channel = m_channel;
        channel.opened = now();
        // ZeroMQ tries on its own what does not connect at once.
        (void)connect_socket(channel.socket, {address, m_where.port});
        if (channel.watcher) channel.watcher->check();
        channel.m_connecting.reset();
    }

    asio::io_context& m_loop;
    asio::steady_timer m_again;
    HostPort m_where;
    NameLookup::Family m_family;
    Channel& m_channel;
    std::optional<NameLookup> m_lookup;
    std::chrono::milliseconds m_wait = zmq_numbers::kReconnectInterval;
    std::shared_ptr<bool> m_alive = std::make_shared<bool>();  ///< For handlers that are queued.
};

Channel::Channel(zmq::context_t& context, zmq::socket_type type) : socket(context, type) {}

Expected<ChannelPointer, Error> Channel::open(zmq::context_t& context, zmq::socket_type type,
                                              const SocketOptions& options) {
    try {
        auto channel = std::make_unique<Channel>(context, type);
        set_options(channel->socket, options);
        channel->m_ipv6 = options.ipv6;
        return channel;
    } catch (const zmq::error_t& error) {
        return fail(
            fmt::format("no further socket: {}; raise the limit of open files (ulimit -n, "
                        "LimitNOFILE=)",
                        error.what()));
    }
}

Channel::~Channel() {
    close(std::chrono::milliseconds(0));
}

void Channel::watch(asio::io_context& loop, std::function<void()> receive_one,
                    std::function<void()> on_writable) {
    watcher.emplace(loop, socket, std::move(receive_one), std::move(on_writable));
}

Expected<void, Error> Channel::connect(asio::io_context& loop, std::string_view address) {
    auto where = parse_address(address);
    if (!where) return Unexpected<Error>(std::move(where.error()));
    if (where->port == 0) return fail(fmt::format("\"{}\": port 0 cannot be dialed", address));
    error_code is_name;
    (void)asio::ip::make_address(where->host, is_name);
    if (!is_name) return connect_socket(socket, *where);
    m_connecting = std::make_unique<Connecting>(
        loop, std::move(*where), m_ipv6 ? NameLookup::Family::any : NameLookup::Family::ipv4,
        *this);
    return {};
}

bool Channel::is_doubtful(protocol::Instant at) const {
    constexpr protocol::Duration kEvidenceFor = std::chrono::seconds(1);
    if (m_connecting) return false;
    return at - opened >= zmq_numbers::kConnectTimeout && at - heard >= kEvidenceFor;
}

void Channel::close(std::chrono::milliseconds linger) {
    m_connecting.reset();
    watcher.reset();
    close_socket(socket, linger);
}

}  // namespace dynavg::daemon
