#include "control/client.hpp"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "control/replies.hpp"
#include "control/unix_socket.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg::control;
using Catch::Matchers::Contains;
using Kind = ClientError::Kind;

namespace {

/// Long enough never to be reached where an answer comes.
constexpr std::chrono::seconds kPatience{30};

/// A listener in place of a daemon: takes one connection and does `with` it.
class Impostor {
public:
    explicit Impostor(std::function<void(int connection)> with)
        : m_listener(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        const auto address = unix_address(path());
        REQUIRE(bind(m_listener.number(), reinterpret_cast<const sockaddr*>(&*address),
                     sizeof *address) == 0);
        REQUIRE(listen(m_listener.number(), 1) == 0);
        m_thread = std::thread([this, with = std::move(with)] {
            const dynavg::posix::Descriptor connection(
                accept(m_listener.number(), nullptr, nullptr));
            with(connection.number());
        });
    }
    ~Impostor() { m_thread.join(); }
    [[nodiscard]] std::filesystem::path path() const { return m_folder / "control.sock"; }

private:
    dynavg::test::TemporaryFolder m_folder;
    dynavg::posix::Descriptor m_listener;
    std::thread m_thread;
};

bool say(int connection, std::string_view text) {
    return send(connection, text.data(), text.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(text.size());
}

/// The request, which ends with a newline.
std::string hear(int connection) {
    std::string heard;
    for (char c = 0; recv(connection, &c, 1, 0) == 1 && c != '\n';) heard += c;
    return heard;
}

/// True once the client has hung up, false if it has not within `time`.
bool is_gone_within(int connection, std::chrono::milliseconds time) {
    pollfd hung_up{.fd = connection, .events = POLLRDHUP, .revents = 0};
    return poll(&hung_up, 1, static_cast<int>(time.count())) > 0;
}

}  // namespace

TEST_CASE("a request is one line, and so is its answer", "[client]") {
    std::string heard;
    Impostor daemon([&heard](int connection) {
        heard = hear(connection);
        // In pieces, with more behind the line.
        say(connection, R"({"ok":)");
        say(connection, "true}\n{\"ok\":false}\n");
    });
    const auto reply = ask(daemon.path(), request("status"), kPatience);
    REQUIRE(reply.has_value());
    CHECK(*reply == done_reply());
    CHECK(heard == R"({"verb":"status"})");
}

TEST_CASE("where nobody listens, the message names the path and what to do", "[client]") {
    const dynavg::test::TemporaryFolder folder;
    const auto reply = ask(folder / "none.sock", request("status"), kPatience);
    REQUIRE_FALSE(reply.has_value());
    CHECK(reply.error().kind == Kind::not_running);
    CHECK_THAT(reply.error().message, Contains("none.sock") && Contains("systemctl start dynavgd"));
}

TEST_CASE("a server that hangs up without an answer is told from a slow one", "[client]") {
    Impostor silent([](int connection) { hear(connection); });
    const auto reply = ask(silent.path(), request("status"), kPatience);
    REQUIRE_FALSE(reply.has_value());
    CHECK(reply.error().kind == Kind::no_answer);
    CHECK_THAT(reply.error().message, Contains("closed without an answer"));
}

TEST_CASE("a server that says nothing is left when the time is up", "[client]") {
    bool left = false;
    {
        Impostor silent([&left](int connection) { left = is_gone_within(connection, kPatience); });
        const auto reply = ask(silent.path(), request("status"), std::chrono::milliseconds(50));
        REQUIRE_FALSE(reply.has_value());
        CHECK(reply.error().kind == Kind::no_answer);
        CHECK_THAT(reply.error().message, Contains("within 50 ms"));
    }
    CHECK(left);
}

TEST_CASE("a server that drips bytes is left when the time is up all the same", "[client]") {
    bool left = false;
    {
        Impostor dripping([&left](int connection) {
            // 3000 times 10 ms: the deadline only ends a test that has failed.
            for (int i = 0; i < 3000 && !left; ++i) {
                say(connection, " ");
                left = is_gone_within(connection, std::chrono::milliseconds(10));
            }
        });
        const auto reply = ask(dripping.path(), request("status"), std::chrono::milliseconds(100));
        REQUIRE_FALSE(reply.has_value());
        CHECK(reply.error().kind == Kind::no_answer);
    }
    CHECK(left);
}

TEST_CASE("a server that never ends its line is left at 16 MiB", "[client]") {
    std::size_t said = 0;
    {
        Impostor endless([&said](int connection) {
            const std::string part(64 * 1024, 'x');
            while (said < 4 * kReplyBytesMax && say(connection, part)) said += part.size();
        });
        CHECK_FALSE(ask(endless.path(), request("status"), kPatience).has_value());
    }
    // Beside what the client takes, what the kernel keeps for it.
    CHECK(said >= kReplyBytesMax / 2);
    CHECK(said < kReplyBytesMax + 4 * 1024 * 1024);
}

TEST_CASE("an answer that is no JSON object is no daemon's", "[client]") {
    const std::string deep = std::string(kNestingMax + 1, '[') + "\n";
    for (const std::string& line :
         {std::string("HTTP/1.1 400 Bad Request\r\n"), std::string("[1]\n"),
          std::string("{\"ok\":true\n"), "{\"a\":" + deep}) {
        CAPTURE(line);
        Impostor other([&line](int connection) {
            hear(connection);
            say(connection, line);
        });
        const auto reply = ask(other.path(), request("status"), kPatience);
        REQUIRE_FALSE(reply.has_value());
        CHECK(reply.error().kind == Kind::bad_answer);
        CHECK_THAT(reply.error().message, Contains(other.path().string()));
    }
}

TEST_CASE("an answer is read though the server does not read the request", "[client]") {
    Impostor full(
        [](int connection) { say(connection, "{\"ok\":false,\"error\":\"too many\"}\n"); });
    const auto reply = ask(full.path(), request(std::string(8 * 1024 * 1024, 'x')), kPatience);
    REQUIRE(reply.has_value());
    CHECK(done_from(*reply).error().message == "too many");
}
