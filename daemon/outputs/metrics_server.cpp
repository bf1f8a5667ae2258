#include "daemon/outputs/metrics_server.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>

#include "daemon/outputs/status_page_files.hpp"
#include "protocol/base/address.hpp"

namespace dynavg::daemon {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Tcp = asio::ip::tcp;
using ErrorCode = boost::system::error_code;
using Request = http::request<http::empty_body>;
using Response = http::response<http::string_body>;

constexpr std::uint32_t kHeaderBytesMax = 8 * 1024;
constexpr std::chrono::milliseconds kAcceptRetryInterval{100};

constexpr const char* kTypeMetrics = "text/plain; version=0.0.4; charset=utf-8";
constexpr const char* kTypeHtml = "text/html; charset=utf-8";
constexpr const char* kTypeScript = "text/javascript; charset=utf-8";
constexpr const char* kTypeStyle = "text/css; charset=utf-8";
constexpr const char* kTypeJson = "application/json";
constexpr const char* kTypeText = "text/plain; charset=utf-8";

/// The page's own script and style, its data, and nothing from anywhere else.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Makes a text anew when it is too old.
class Cached {
public:
    Cached(std::function<std::string()> make, std::chrono::milliseconds age_max)
        : m_make(std::move(make)), m_age_max(age_max) {}
    [[nodiscard]] const std::string& get() {
        const auto now = std::chrono::steady_clock::now();
        if (m_text.empty() || now - m_made >= m_age_max) {
            m_text = m_make();
            m_made = now;
        }
        return m_text;
    }

private:
    std::function<std::string()> m_make;
    std::chrono::milliseconds m_age_max;
    std::string m_text;
    std::chrono::steady_clock::time_point m_made;
};

Response make_response(const Request& request, http::status status, const char* type,
                       std::string body) {
    Response response{status, request.version()};
    response.set(http::field::content_type, type);
    response.set(http::field::cache_control, "no-store");
    response.set("Content-Security-Policy", kPolicy);
    response.set("X-Content-Type-Options", "nosniff");
    response.set("Referrer-Policy", "no-referrer");
    response.keep_alive(false);
    const std::size_t size = body.size();
    if (request.method() != http::verb::head) response.body() = std::move(body);
    response.content_length(size);
    return response;
}

/// Whether the host of a request is this machine's loopback; else a name of somebody else has led a
/// browser on this machine here.
bool names_loopback(std::string_view host) {
    if (host.empty() || protocol::is_loopback(host)) return true;
    const auto address = protocol::parse_host_port(host);
    return address && protocol::is_loopback(address->host);
}

/// One connection and its one request.
class Session : public std::enable_shared_from_this<Session> {
public:
    using Answer = std::function<Response(const Request&)>;
    using Done = std::function<void(const std::shared_ptr<Session>&)>;

    Session(Tcp::socket socket, std::chrono::milliseconds timeout, Answer answer, Done done)
        : m_stream(std::move(socket)), m_answer(std::move(answer)), m_done(std::move(done)) {
        m_parser.header_limit(kHeaderBytesMax);
        m_parser.body_limit(0);
        // Of reading and writing together; a byte now and then does not prolong it.
        m_stream.expires_after(timeout);
    }

    void run() {
        http::async_read(
            m_stream, m_buffer, m_parser,
            [self = shared_from_this()](ErrorCode error, std::size_t) { self->on_read(error); });
    }

    /// Without telling the owner.
    void close() {
        m_done = nullptr;
        m_stream.close();
    }

private:
    void on_read(ErrorCode error) {
        if (!m_done) return;
        if (error) return finish();
        m_response = m_answer(m_parser.get());
        http::async_write(m_stream, m_response,
                          [self = shared_from_this()](ErrorCode, std::size_t) { self->finish(); });
    }

    void finish() {
        const Done done = std::exchange(m_done, nullptr);
        ErrorCode ignored;
        m_stream.socket().shutdown(Tcp::socket::shutdown_send, ignored);
        m_stream.close();
        if (done) done(shared_from_this());
    }

    beast::tcp_stream m_stream;
    beast::flat_buffer m_buffer{kHeaderBytesMax};
    http::request_parser<http::empty_body> m_parser;
    Response m_response;
    Answer m_answer;
    Done m_done;
};

}  // namespace

/// Shared with the operations under way, which may end after the server.
class MetricsServer::Impl : public std::enable_shared_from_this<Impl> {
public:
    Impl(asio::io_context& io, const MetricsServerOptions& options, MetricsTexts texts)
        : m_options(options),
          m_metrics(std::move(texts.metrics), options.text_age_max),
          m_status(std::move(texts.status), options.text_age_max),
          m_acceptor(io),
          m_retry(io) {}

    [[nodiscard]] Expected<void, Error> bind() {
        ErrorCode error;
        Tcp::resolver resolver(m_acceptor.get_executor());
        const auto found = resolver.resolve(m_options.host, fmt::to_string(m_options.port),
                                            Tcp::resolver::passive, error);
        if (error) return failed(error);
        const Tcp::endpoint endpoint = found.begin()->endpoint();
        m_acceptor.open(endpoint.protocol(), error);
        if (!error) m_acceptor.set_option(asio::socket_base::reuse_address(true), error);
        if (!error) m_acceptor.bind(endpoint, error);
        if (!error) m_acceptor.listen(static_cast<int>(m_options.connections_max), error);
        if (error) return failed(error);
        m_bound = m_acceptor.local_endpoint(error);
        return {};
    }

    void accept() {
        m_acceptor.async_accept([weak = weak_from_this()](ErrorCode error, Tcp::socket socket) {
            const auto self = weak.lock();
            if (!self || !self->m_acceptor.is_open()) return;
            if (error) return self->accept_later();
            self->open(std::move(socket));
            self->accept();
        });
    }

    void stop() {
        ErrorCode ignored;
        m_acceptor.close(ignored);
        m_retry.cancel(ignored);
        for (const auto& session : m_sessions) session->close();
        m_sessions.clear();
    }

    [[nodiscard]] const Tcp::endpoint& bound() const { return m_bound; }

private:
    [[nodiscard]] Unexpected<Error> failed(const ErrorCode& error) const {
        return fail(fmt::format(
            "metrics can't be offered at {}:{}: {}; choose another [metrics] bind, or leave it out",
            m_options.host, m_options.port, error.message()));
    }

    void open(Tcp::socket socket) {
        // A connection too many is closed at once: its scraper tries again.
        if (m_sessions.size() >= m_options.connections_max) return;
        const auto session = std::make_shared<Session>(
            std::move(socket), m_options.timeout,
            [weak = weak_from_this()](const Request& request) {
                const auto self = weak.lock();
                return self ? self->answer(request) : Response{};
            },
            [weak = weak_from_this()](const std::shared_ptr<Session>& ended) {
                if (const auto self = weak.lock()) self->m_sessions.erase(ended);
            });
        m_sessions.insert(session);
        session->run();
    }

    [[nodiscard]] Response answer(const Request& request) {
        const auto reply = [&request](const char* type, std::string_view body) {
            return make_response(request, http::status::ok, type, std::string(body));
        };
        const auto refuse = [&request](http::status status, const char* why) {
            return make_response(request, status, kTypeText, why);
        };
        if (request.method() != http::verb::get && request.method() != http::verb::head) {
            return refuse(http::status::method_not_allowed, "Only GET and HEAD.\n");
        }
        const auto host = request[http::field::host];
        if (m_bound.address().is_loopback() && !names_loopback({host.data(), host.size()})) {
            return refuse(http::status::forbidden, "This is no name of this machine's loopback.\n");
        }
        const auto target = request.target();
        const std::string_view path =
            std::string_view(target.data(), target.size()).substr(0, target.find('?'));
        if (path == "/metrics") return reply(kTypeMetrics, m_metrics.get());
        if (path == "/status.json") return reply(kTypeJson, m_status.get());
        if (path == "/") return reply(kTypeHtml, kPageHtml);
        if (path == "/page.js") return reply(kTypeScript, kPageScript);
        if (path == "/page.css") return reply(kTypeStyle, kPageStyle);
        return refuse(http::status::not_found, "There are /, /metrics and /status.json.\n");
    }

    void accept_later() {
        m_retry.expires_after(kAcceptRetryInterval);
        m_retry.async_wait([weak = weak_from_this()](ErrorCode error) {
            const auto self = weak.lock();
            if (!error && self && self->m_acceptor.is_open()) self->accept();
        });
    }

    MetricsServerOptions m_options;
    Cached m_metrics;
    Cached m_status;
    Tcp::acceptor m_acceptor;
    Tcp::endpoint m_bound;
    asio::steady_timer m_retry;
    std::set<std::shared_ptr<Session>> m_sessions;
};

Expected<std::unique_ptr<MetricsServer>, Error> MetricsServer::listen(asio::io_context& io,
                                                                      MetricsServerOptions options,
                                                                      MetricsTexts texts) {
    auto impl = std::make_shared<Impl>(io, options, std::move(texts));
    if (auto bound = impl->bind(); !bound) return Unexpected<Error>(std::move(bound.error()));
    impl->accept();
    return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

MetricsServer::MetricsServer(std::shared_ptr<Impl> impl) : m_impl(std::move(impl)) {}

MetricsServer::~MetricsServer() {
    stop();
}

std::string MetricsServer::address() const {
    const auto address = m_impl->bound().address();
    return address.is_v6() ? fmt::format("[{}]:{}", address.to_string(), m_impl->bound().port())
                           : fmt::format("{}:{}", address.to_string(), m_impl->bound().port());
}

bool MetricsServer::is_loopback() const {
    return m_impl->bound().address().is_loopback();
}

void MetricsServer::stop() {
    m_impl->stop();
}

}  // namespace dynavg::daemon
