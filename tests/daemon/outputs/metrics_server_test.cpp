#include "daemon/outputs/metrics_server.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <boost/asio/connect.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "daemon/outputs/status_page_files.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
namespace asio = boost::asio;
using Tcp = asio::ip::tcp;

namespace {

/// A server whose io thread runs until the end of the test.
class Running {
public:
    explicit Running(MetricsServerOptions options = {.host = "127.0.0.1"})
        : m_server(MetricsServer::listen(m_io, options,
                                         {[this] { return "m " + std::to_string(++made) + "\n"; },
                                          [] { return std::string("{}"); }})
                       .value()),
          m_address(m_server->address()),
          m_thread([this] { m_io.run(); }) {}
    ~Running() {
        asio::post(m_io, [this] {
            m_server.reset();
            m_work.reset();
        });
        m_thread.join();
    }
    [[nodiscard]] Tcp::endpoint endpoint() const {
        const std::size_t colon = m_address.rfind(':');
        return {asio::ip::make_address(m_address.substr(0, colon)),
                static_cast<std::uint16_t>(std::stoi(m_address.substr(colon + 1)))};
    }
    std::atomic<int> made = 0;

private:
    asio::io_context m_io;
    asio::executor_work_guard<asio::io_context::executor_type> m_work{m_io.get_executor()};
    std::unique_ptr<MetricsServer> m_server;
    std::string m_address;
    std::thread m_thread;
};

/// A client that speaks bytes and blocks.
class Client {
public:
    explicit Client(const Running& server) : m_socket(m_io) { m_socket.connect(server.endpoint()); }
    void send(const std::string& text) {
        boost::system::error_code ignored;
        asio::write(m_socket, asio::buffer(text), ignored);
    }
    /// Until the other end closes.
    std::string receive() {
        std::string text;
        boost::system::error_code ignored;
        asio::read(m_socket, asio::dynamic_buffer(text), ignored);
        return text;
    }

private:
    asio::io_context m_io;
    Tcp::socket m_socket;
};

std::string ask(const Running& server, const std::string& target, const std::string& host = "a",
                const std::string& method = "GET") {
    Client client(server);
    client.send(method + " " + target + " HTTP/1.1\r\n" +
                (host == "a" ? "Host: 127.0.0.1:7410" : "Host: " + host) + "\r\n\r\n");
    return client.receive();
}

}  // namespace

TEST_CASE("metrics, the page and its parts are answered, each with its type", "[metrics_server]") {
    const Running server;
    const std::string metrics = ask(server, "/metrics");
    CHECK_THAT(metrics, Contains("HTTP/1.1 200 OK\r\n") && Contains("text/plain; version=0.0.4"));
    CHECK_THAT(metrics, Contains("\r\n\r\nm 1\n"));
    CHECK_THAT(ask(server, "/metrics?x=1"), Contains("200 OK"));
    CHECK_THAT(ask(server, "/status.json"), Contains("application/json") && Contains("{}"));
    const std::string page = ask(server, "/");
    CHECK_THAT(page, Contains("text/html") && Contains(std::string(kPageHtml)));
    CHECK_THAT(page, Contains("Content-Security-Policy: default-src 'none'; script-src 'self'"));
    CHECK_THAT(page, Contains("X-Content-Type-Options: nosniff"));
    CHECK_THAT(ask(server, "/page.js"), Contains("text/javascript"));
    CHECK_THAT(ask(server, "/page.css"), Contains("text/css"));
    CHECK_THAT(ask(server, "/../etc/passwd"), Contains("404 Not Found"));
    const std::string head = ask(server, "/metrics", "a", "HEAD");
    CHECK_THAT(head, Contains("200 OK") && Contains("Content-Length: "));
    CHECK(head.ends_with("\r\n\r\n"));
}

TEST_CASE("the page needs nothing from anywhere else", "[metrics_server]") {
    for (const std::string_view file : {kPageHtml, kPageScript, kPageStyle}) {
        REQUIRE(file.size() > 500);
        std::string text(file);
        // The name of SVG is no address that anybody looks up.
        const std::string svg = "http://www.w3.org/2000/svg";
        for (std::size_t at = 0; (at = text.find(svg)) != std::string::npos;) {
            text.erase(at, svg.size());
        }
        CHECK(text.find("//www") == std::string::npos);
        CHECK(text.find("http") == std::string::npos);
        CHECK(text.find("innerHTML") == std::string::npos);
        CHECK(text.find("style=") == std::string::npos);
    }
}

TEST_CASE("a text is made at most once in a while, however many ask", "[metrics_server]") {
    const Running server({.host = "127.0.0.1", .text_age_max = 1h});
    for (int i = 0; i < 50; ++i) CHECK_THAT(ask(server, "/metrics"), Contains("m 1\n"));
    CHECK(server.made == 1);
}

TEST_CASE("nothing but reading is possible", "[metrics_server]") {
    const Running server;
    for (const char* method : {"POST", "PUT", "DELETE", "OPTIONS"}) {
        CHECK_THAT(ask(server, "/metrics", "a", method), Contains("405 Method Not Allowed"));
    }
    CHECK(server.made == 0);
}

TEST_CASE("a host name of another site that leads to loopback is refused", "[metrics_server]") {
    const Running server;
    CHECK_THAT(ask(server, "/metrics", "evil.example:7410"), Contains("403 Forbidden"));
    for (const char* host : {"localhost:7410", "127.0.0.1", "[::1]:7410", ""}) {
        CAPTURE(host);
        CHECK_THAT(ask(server, "/metrics", host), Contains("200 OK"));
    }
}

TEST_CASE("a client that is slow, incomplete or too long is cut off, and others go on",
          "[metrics_server]") {
    const Running server({.host = "127.0.0.1", .connections_max = 3, .timeout = 500ms});
    Client idle(server);
    Client half(server);
    half.send("GET /metrics HTTP/1.1\r\nHost: ");
    CHECK_THAT(ask(server, "/metrics"), Contains("200 OK"));
    // One byte after the other does not prolong it.
    Client dripping(server);
    std::atomic<bool> done = false;
    std::thread drip([&] {
        for (int i = 0; i < 10'000 && !done; ++i) {
            dripping.send("x");
            std::this_thread::yield();
        }
    });
    CHECK(idle.receive().empty());
    CHECK(half.receive().empty());
    (void)dripping.receive();
    done = true;
    drip.join();
    Client endless(server);
    endless.send("GET / HTTP/1.1\r\nX: " + std::string(100'000, 'x'));
    CHECK(endless.receive().find("200 OK") == std::string::npos);
    Client garbage(server);
    garbage.send(std::string("\0\xff\x13garbage\r\n\r\n", 13));
    CHECK(garbage.receive().empty());
    CHECK_THAT(ask(server, "/metrics"), Contains("200 OK"));
}

TEST_CASE("beyond so many connections the next is closed, not queued", "[metrics_server]") {
    const Running server({.host = "127.0.0.1", .connections_max = 2, .timeout = 1h});
    auto first = std::make_unique<Client>(server);
    Client second(server);
    Client third(server);
    CHECK(third.receive().empty());
    first.reset();
    // Its place is free once the server has seen its end.
    std::string answer;
    for (int i = 0; i < 10'000 && answer.empty(); ++i) answer = ask(server, "/metrics");
    CHECK_THAT(answer, Contains("200 OK"));
}

TEST_CASE("an address that is taken or unknown is an error with what to do", "[metrics_server]") {
    const Running server;
    asio::io_context io;
    const auto taken =
        MetricsServer::listen(io, {.host = "127.0.0.1", .port = server.endpoint().port()}, {});
    REQUIRE_FALSE(taken);
    CHECK_THAT(taken.error().message, Contains("choose another [metrics] bind"));
    CHECK_FALSE(MetricsServer::listen(io, {.host = "no.such.name.invalid"}, {}));
}
