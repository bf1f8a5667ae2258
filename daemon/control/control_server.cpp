#include "daemon/control/control_server.hpp"

#include <exception>
#include <set>
#include <string>
#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "control/replies.hpp"
#include "daemon/control/control_admission.hpp"
#include "daemon/control/control_socket.hpp"

namespace dynavg::daemon {

namespace {

namespace asio = boost::asio;
using Protocol = asio::local::stream_protocol;
using Answer = std::function<std::string(std::string_view line)>;

/// After a failed accept, which is most often a lack of descriptors.
constexpr std::chrono::milliseconds kAcceptRetryInterval{100};

/// One connection: reads a line, answers it, reads the next.
class Session : public std::enable_shared_from_this<Session> {
public:
    using Done = std::function<void(const std::shared_ptr<Session>&)>;

    Session(Protocol::socket socket, std::chrono::milliseconds idle_timeout, Answer answer,
            Done done)
        : m_socket(std::move(socket)),
          m_timer(m_socket.get_executor()),
          m_idle_timeout(idle_timeout),
          m_answer(std::move(answer)),
          m_done(std::move(done)) {}

    void read() {
        restart_timer();
        asio::async_read_until(
            m_socket, asio::dynamic_buffer(m_input, control::kRequestBytesMax), '\n',
            [self = shared_from_this()](boost::system::error_code error, std::size_t size) {
                self->on_read(error, size);
            });
    }

    /// Closes without telling the owner.
    void close() {
        m_done = nullptr;
        m_answer = nullptr;
        boost::system::error_code ignored;
        m_timer.cancel(ignored);
        m_socket.close(ignored);
    }

private:
    enum class Then : std::uint8_t { read, finish };

    void on_read(boost::system::error_code error, std::size_t size) {
        if (!m_socket.is_open()) return;
        if (error == asio::error::not_found) {
            return write(control::to_line(control::error_reply(fmt::format(
                             "a request has at most {} bytes", control::kRequestBytesMax))),
                         Then::finish);
        }
        if (error) return finish();
        const std::string line = m_input.substr(0, size);
        m_input.erase(0, size);
        // The handler may stop the server, and with it this session.
        std::string reply = Answer(m_answer)(line);
        if (m_socket.is_open()) write(std::move(reply), Then::read);
    }

    void write(std::string reply, Then then) {
        m_output = std::move(reply);
        restart_timer();
        asio::async_write(
            m_socket, asio::buffer(m_output),
            [self = shared_from_this(), then](boost::system::error_code error, std::size_t) {
                if (!self->m_socket.is_open()) return;
                if (error || then == Then::finish) return self->finish();
                self->read();
            });
    }

    void finish() {
        const Done done = std::exchange(m_done, nullptr);
        close();
        if (done) done(shared_from_this());
    }

    void restart_timer() {
        m_timer.expires_after(m_idle_timeout);
        m_timer.async_wait([self = shared_from_this()](boost::system::error_code error) {
            // A wait that was over just before the timer was set anew does not count.
            const bool over = self->m_timer.expiry() <= asio::steady_timer::clock_type::now();
            if (!error && over && self->m_socket.is_open()) self->finish();
        });
    }

    Protocol::socket m_socket;
    asio::steady_timer m_timer;
    std::chrono::milliseconds m_idle_timeout;
    Answer m_answer;
    Done m_done;
    std::string m_input;
    std::string m_output;
};

std::string answer_line(const ControlServer::Handler& handler, std::string_view line) {
    const auto request = control::from_line(line);
    if (!request) {
        return control::to_line(control::error_reply("a request is one JSON object in one line"));
    }
    // The edge to the JSON library, which throws on what is missing or of another type.
    try {
        return control::to_line(handler(*request));
    } catch (const std::exception& error) {
        return control::to_line(control::error_reply(error.what()));
    }
}

}  // namespace

/// Shared with the operations under way, which may end after the server.
class ControlServer::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, ControlServerOptions options, ControlSocket socket, Handler handler)
        : m_options(std::move(options)),
          m_socket(std::move(socket)),
          m_handler(std::make_shared<Handler>(std::move(handler))),
          m_acceptor(io, Protocol(), m_socket.release()),
          m_retry(io) {}

    void accept() {
        m_acceptor.async_accept([weak = weak_from_this()](boost::system::error_code error,
                                                          Protocol::socket connection) {
            const auto self = weak.lock();
            if (!self || !self->m_acceptor.is_open()) return;
            if (error) return self->accept_later();
            self->open(std::move(connection));
            self->accept();
        });
    }

    void stop() {
        if (!m_acceptor.is_open()) return;
        boost::system::error_code ignored;
        m_acceptor.close(ignored);
        m_retry.cancel(ignored);
        for (const auto& session : m_sessions) session->close();
        m_sessions.clear();
        m_socket.remove_file();
    }

private:
    void open(Protocol::socket connection) {
        const auto who = credentials_of(connection.native_handle());
        if (!who || !may_ask({geteuid(), m_socket.group()}, *who)) {
            return refuse(std::move(connection),
                          "this daemon answers root, its own user and the group of its socket");
        }
        if (m_sessions.size() >= m_options.connections_max) {
            return refuse(std::move(connection),
                          fmt::format("{} connections are open, and that is the limit; try again",
                                      m_sessions.size()));
        }
        const auto session = std::make_shared<Session>(
            std::move(connection), m_options.idle_timeout,
            [handler = m_handler](std::string_view line) { return answer_line(*handler, line); },
            [weak = weak_from_this()](const std::shared_ptr<Session>& ended) {
                if (const auto self = weak.lock()) self->m_sessions.erase(ended);
            });
        m_sessions.insert(session);
        session->read();
    }

    static void refuse(Protocol::socket connection, std::string reason) {
        const std::string reply = control::to_line(control::error_reply(std::move(reason)));
        boost::system::error_code ignored;
        connection.non_blocking(true, ignored);
        connection.write_some(asio::buffer(reply), ignored);
    }

    void accept_later() {
        m_retry.expires_after(kAcceptRetryInterval);
        m_retry.async_wait([weak = weak_from_this()](boost::system::error_code error) {
            const auto self = weak.lock();
            if (!error && self && self->m_acceptor.is_open()) self->accept();
        });
    }

    ControlServerOptions m_options;
    ControlSocket m_socket;
    std::shared_ptr<Handler> m_handler;
    Protocol::acceptor m_acceptor;
    asio::steady_timer m_retry;
    std::set<std::shared_ptr<Session>> m_sessions;
};

Expected<std::unique_ptr<ControlServer>, Error> ControlServer::listen(asio::io_context& io,
                                                                      ControlServerOptions options,
                                                                      Handler handler) {
    auto socket = ControlSocket::listen(options.socket, static_cast<int>(options.connections_max));
    if (!socket) return Unexpected<Error>(std::move(socket.error()));
    auto impl =
        std::make_shared<Impl>(io, std::move(options), std::move(*socket), std::move(handler));
    impl->accept();
    return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
}

ControlServer::ControlServer(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}

ControlServer::~ControlServer() {
    stop();
}

void ControlServer::stop() {
    m_impl->stop();
}

}  // namespace dynavg::daemon
