#include "daemon/doors/door_check.hpp"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/asio/buffer.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>

#include "daemon/transport/address.hpp"
#include "daemon/transport/name_lookup.hpp"
#include "identity/curve_hello.hpp"

namespace dynavg::daemon {

namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;
using protocol::Reach;

// ZMTP 3.0's greeting (ZeroMQ RFC 23).
constexpr std::size_t kGreetingBytes = 64;
constexpr std::size_t kSignatureEnd = 9;
constexpr std::size_t kVersionAt = 10;
constexpr std::size_t kMechanismAt = 12;
constexpr std::size_t kMechanismBytes = 20;
constexpr std::uint8_t kShortCommand = 4;

using Greeting = std::array<std::uint8_t, kGreetingBytes>;

constexpr std::string_view mechanism_of(bool with_keys) {
    return with_keys ? "CURVE" : "NULL";
}

Greeting greeting_with(std::string_view mechanism) {
    Greeting greeting{};
    greeting[0] = 0xff;
    greeting[kSignatureEnd] = 0x7f;
    greeting[kVersionAt] = 3;
    std::copy(mechanism.begin(), mechanism.end(), greeting.begin() + kMechanismAt);
    return greeting;
}

bool is_greeting(const Greeting& greeting, std::string_view mechanism) {
    std::array<std::uint8_t, kMechanismBytes> expected{};
    std::copy(mechanism.begin(), mechanism.end(), expected.begin());
    return greeting[0] == 0xff && greeting[kSignatureEnd] == 0x7f && greeting[kVersionAt] >= 3 &&
           std::equal(expected.begin(), expected.end(), greeting.begin() + kMechanismAt);
}

Reach reach_of(const error_code& error) {
    if (error == asio::error::connection_refused) return Reach::refused;
    if (error == asio::error::timed_out) return Reach::silent;
    return Reach::no_route;
}

/// One check; kept by the operations that are under way.
class Check : public std::enable_shared_from_this<Check> {
public:
    Check(asio::io_context& loop, const discovery::ProvenPeer& expected,
          std::function<void(Reach)> on_done)
        : m_loop(loop), m_socket(loop), m_timer(loop), m_on_done(std::move(on_done)) {
        if (expected) m_curve.emplace(*expected);
    }

    void begin(const HostPort& where) {
        m_timer.expires_after(kDoorCheckTimeout);
        m_timer.async_wait([self = shared_from_this()](const error_code& error) {
            if (!error) self->finish(self->m_at_timeout);
        });
        // The timer keeps this until the lookup is done or too late.
        m_lookup.emplace(
            m_loop, where.host, NameLookup::Family::any,
            [weak = weak_from_this(), port = where.port](const std::vector<std::string>& found) {
                const auto self = weak.lock();
                if (!self || self->is_over()) return;
                if (found.empty()) return self->finish(Reach::no_such_host);
                self->connect(found, port);
            });
    }

private:
    [[nodiscard]] bool is_over() const { return m_on_done == nullptr; }

    void finish(Reach reach) {
        const auto done = std::exchange(m_on_done, nullptr);
        if (done == nullptr) return;
        error_code ignored;
        m_timer.cancel(ignored);
        m_lookup.reset();
        m_socket.close(ignored);
        done(reach);
    }

    void connect(const std::vector<std::string>& found, std::uint16_t port) {
        for (const std::string& address : found) {
            m_endpoints.emplace_back(asio::ip::make_address(address), port);
        }
        asio::async_connect(m_socket, m_endpoints,
                            [self = shared_from_this()](const error_code& error, const auto&) {
                                if (self->is_over()) return;
                                if (error) return self->finish(reach_of(error));
                                self->greet();
                            });
    }

    void greet() {
        m_at_timeout = Reach::other_program;
        const Greeting greeting = greeting_with(mechanism_of(m_curve.has_value()));
        m_output.assign(greeting.begin(), greeting.end());
        write([this] { read_greeting(); });
    }

    template <class Then>
    void write(Then then) {
        asio::async_write(m_socket, asio::buffer(m_output),
                          [self = shared_from_this(), then](const error_code& error, std::size_t) {
                              if (self->is_over()) return;
                              if (error) return self->finish(self->m_at_timeout);
                              then();
                          });
    }

    void read_greeting() {
        asio::async_read(m_socket, asio::buffer(m_greeting),
                         [self = shared_from_this()](const error_code& error, std::size_t) {
                             if (self->is_over()) return;
                             if (error) return self->finish(Reach::other_program);
                             self->on_greeting();
                         });
    }

    void on_greeting() {
        if (!is_greeting(m_greeting, mechanism_of(m_curve.has_value()))) {
            return finish(Reach::other_program);
        }
        if (!m_curve) return finish(Reach::reached);
        m_at_timeout = Reach::other_key;
        const auto hello = m_curve->hello();
        m_output = {kShortCommand, static_cast<std::uint8_t>(hello.size())};
        m_output.insert(m_output.end(), hello.begin(), hello.end());
        write([this] { read_welcome(); });
    }

    /// A listener without the key cannot read the question, and hangs up.
    void read_welcome() {
        asio::async_read(m_socket, asio::buffer(m_welcome),
                         [self = shared_from_this()](const error_code& error, std::size_t) {
                             if (self->is_over()) return;
                             const auto answer = std::span(self->m_welcome).subspan(2);
                             const bool welcome = !error && self->m_curve->is_welcome(answer);
                             self->finish(welcome ? Reach::reached : Reach::other_key);
                         });
    }

    asio::io_context& m_loop;
    std::optional<NameLookup> m_lookup;
    std::vector<tcp::endpoint> m_endpoints;
    tcp::socket m_socket;
    asio::steady_timer m_timer;
    std::function<void(Reach)> m_on_done;  ///< Null once it is over.
    std::optional<identity::CurveHello> m_curve;
    Reach m_at_timeout = Reach::silent;
    std::vector<std::uint8_t> m_output;
    Greeting m_greeting{};
    std::array<std::uint8_t, 2 + identity::CurveHello::kWelcomeBytes> m_welcome{};
};

}  // namespace

void check_door(asio::io_context& loop, const std::string& address,
                const discovery::ProvenPeer& expected, std::function<void(Reach)> on_done) {
    const auto where = parse_address(address);
    if (!where || where->port == 0) {
        asio::post(loop, [on_done = std::move(on_done)] { on_done(Reach::no_such_host); });
        return;
    }
    std::make_shared<Check>(loop, expected, std::move(on_done))->begin(*where);
}

void check_doors(asio::io_context& loop, const protocol::Endpoints& endpoints,
                 const discovery::ProvenPeer& expected,
                 std::function<void(protocol::Reached)> on_done) {
    struct Three {
        protocol::Reached reached;
        std::size_t open = 0;
        std::function<void(protocol::Reached)> on_done;
    };
    const auto three = std::make_shared<Three>();
    three->on_done = std::move(on_done);
    const std::array<std::pair<const std::string*, Reach protocol::Reached::*>, 3> doors{{
        {&endpoints.direct, &protocol::Reached::direct},
        {&endpoints.gossip, &protocol::Reached::gossip},
        {&endpoints.bulk, &protocol::Reached::bulk},
    }};
    for (const auto& [address, field] : doors) three->open += address->empty() ? 0 : 1;
    if (three->open == 0) {
        asio::post(loop, [three] { three->on_done(three->reached); });
        return;
    }
    for (const auto& [address, member] : doors) {
        if (address->empty()) continue;
        check_door(loop, *address, expected, [three, field = member](Reach reach) {
            three->reached.*field = reach;
            if (--three->open == 0) three->on_done(three->reached);
        });
    }
}

}  // namespace dynavg::daemon
