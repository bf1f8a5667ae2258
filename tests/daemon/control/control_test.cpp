#include <cerrno>
#include <filesystem>
#include <fstream>
#include <limits>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <nlohmann/json.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/checks.hpp"
#include "control/client.hpp"
#include "control/replies.hpp"
#include "control/unix_socket.hpp"
#include "daemon/control/control_server.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/control/running_control_server.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using dynavg::test::TemporaryFolder;
using Json = nlohmann::json;
using Kind = control::ClientError::Kind;

namespace {

Json echo(const Json& request) {
    if (control::verb_of(request) == "throw") throw std::runtime_error("handler failed");
    return {{"ok", true}, {"echo", request}};
}

/// That echoes unless told otherwise.
class Running : public RunningControlServer {
public:
    explicit Running(ControlServerOptions options, ControlServer::Handler handler = echo)
        : RunningControlServer(std::move(options), std::move(handler)) {}
};

/// A client that speaks bytes; both ways block, at most for the socket's timeout.
class RawClient {
public:
    explicit RawClient(const std::filesystem::path& socket)
        : m_socket(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        const timeval timeout{.tv_sec = 20, .tv_usec = 0};
        setsockopt(m_socket.number(), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        setsockopt(m_socket.number(), SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
        const auto address = control::unix_address(socket);
        REQUIRE(address);
        REQUIRE(connect(m_socket.number(), reinterpret_cast<const sockaddr*>(&*address),
                        sizeof *address) == 0);
    }
    /// 0, or the error that ended it.
    int send(std::string_view data) const {
        while (!data.empty()) {
            const ssize_t n = ::send(m_socket.number(), data.data(), data.size(), MSG_NOSIGNAL);
            if (n <= 0) return errno;
            data.remove_prefix(static_cast<std::size_t>(n));
        }
        return 0;
    }
    /// Empty at the end of the connection.
    std::string receive_line() {
        while (m_received.find('\n') == std::string::npos) {
            char buffer[4096];
            const ssize_t n = recv(m_socket.number(), buffer, sizeof buffer, 0);
            if (n <= 0) return {};
            m_received.append(buffer, static_cast<std::size_t>(n));
        }
        const std::size_t end = m_received.find('\n') + 1;
        std::string line = m_received.substr(0, end);
        m_received.erase(0, end);
        return line;
    }

private:
    posix::Descriptor m_socket;
    std::string m_received;
};

control::StatusReply full_status() {
    return {.node = "node-a",
            .network = "net",
            .peer_id = "9f3a01c2",
            .role = "member",
            .version = "0.1.0",
            .pid = 42,
            .uptime_s = 1.5,
            .model = "lenet5",
            .parameters = 61706,
            .epoch = 7,
            .digest = "00ff",
            .roster = {"9f3a01c2", "01020304"},
            .steps = std::numeric_limits<std::uint64_t>::max(),
            .steps_since_reference = 12,
            .steps_per_second = 480.5,
            .estimate = 3.25,
            .drift = 2.5,
            .threshold = 5,
            .threshold_to_come = 4,
            .monitor = "linear",
            .pace = "free",
            .accuracy = 0.98,
            .loss = 0.1,
            .peers_live = 2,
            .peers_known = 3,
            .observers = 4,
            .round = control::RoundStatus{8, 1, 2, 35, "crossing"},
            .rounds = 7,
            .bytes = {1, 2, 3},
            .exchange_bytes_per_second = 9,
            .training = "paused-for-round",
            .done = true,
            .clock_skew_s = -0.25,
            .health = {{"no-peers", "nobody"}}};
}

}  // namespace

TEST_CASE("a status survives the way to the tool", "[control]") {
    const control::StatusReply status = full_status();
    const Json reply = control::from_line(control::to_line(control::to_reply(status))).value();
    CHECK(reply["ok"] == true);
    CHECK(control::status_from(reply).value() == status);
    // Each field is set to something of its own above, so that one left out would show.
    CHECK(reply.size() == 35);
}

TEST_CASE("values that are not known yet arrive as none", "[control]") {
    control::StatusReply status;
    status.estimate = std::numeric_limits<double>::infinity();
    const Json reply = control::to_reply(status);
    CHECK(reply["estimate"].is_null());
    CHECK(reply["round"].is_null());
    const auto read = control::status_from(reply);
    REQUIRE(read);
    CHECK_FALSE(read->estimate);
    CHECK_FALSE(read->accuracy);
    CHECK_FALSE(read->round);
}

TEST_CASE("a list of peers survives the way to the tool", "[control]") {
    const control::PeersReply peers{
        {{.peer = "9f3a01c2",
          .name = "node-b",
          .address = "127.0.0.1:7400",
          .order = -1,
          .role = "observer",
          .live = true,
          .epoch = 3,
          .digest = "00ff",
          .steps = 10,
          .step_time_ms = 2.5,
          .last_heard_ms = 40,
          .suspicion_timeout_ms = 900,
          .heartbeat_gap_max_ms = 612,
          .clock_offset_s = 1.5},
         {.peer = "0", .name = "", .address = "", .role = "", .digest = ""}}};
    CHECK(control::peers_from(control::to_reply(peers)).value() == peers);
}

TEST_CASE("a check of the peers survives the way to the tool", "[control]") {
    using protocol::Reach;
    control::PeerCheck check;
    check.address = "b:7400";
    check.key = "00ff";
    check.is_self = true;
    check.is_trusted = false;
    check.direct = Reach::reached;
    check.admitted = true;
    check.answered = true;
    check.name = "b (0102)";
    check.gossip = "b:7401";
    check.bulk = "b:7402";
    check.gossip_reach = Reach::other_key;
    check.bulk_reach = Reach::other_program;
    check.back = {Reach::refused, Reach::silent, Reach::no_route};
    check.differences = {{"model", "mlp", "lenet5"}};
    check.clock_offset_ms = -7;
    const control::PeerChecksReply reply{true, {"a:1", "a:2", "a:3"}, {check, {}}};
    CHECK(control::peer_checks_from(control::to_reply(reply)).value() == reply);
    CHECK_FALSE(control::peer_checks_from(control::done_reply()));
    // Of a later version.
    Json newer = control::to_reply(reply);
    newer["peers"][0]["direct_reach"] = "by-sea";
    CHECK(control::peer_checks_from(newer).value().peers[0].direct == Reach::not_tried);
    CHECK(control::starts_check(control::check_peers_request(true)));
    CHECK_FALSE(control::starts_check(control::check_peers_request(false)));
    CHECK_FALSE(control::starts_check(control::request("check-peers")));
}

TEST_CASE("the result of a reload survives the way to the tool", "[control]") {
    const control::ReloadReply reply{{"node.peers"}, {"node.bind"}};
    CHECK(control::reload_from(control::to_reply(reply)).value() == reply);
    CHECK_FALSE(control::reload_from(control::done_reply()));
    CHECK(control::reload_from(control::error_reply("why")).error().message == "why");
}

TEST_CASE("an answer that is none of ours is an error", "[control]") {
    CHECK_THAT(control::status_from(Json::object()).error().message, Contains("no \"ok\""));
    CHECK_THAT(control::status_from({{"ok", true}}).error().message, Contains("another version"));
    CHECK(control::status_from(control::error_reply("busy")).error().message == "busy");
    CHECK_THAT(control::status_from({{"ok", false}}).error().message, Contains("another version"));
    Json wrong = control::to_reply(full_status());
    wrong["steps"] = "many";
    CHECK_FALSE(control::status_from(wrong));
    CHECK_FALSE(control::peers_from({{"ok", true}, {"peers", 3}}));
    CHECK_FALSE(control::from_line("[1, 2]\n"));
    CHECK_FALSE(control::from_line("{\"verb\": "));
    // Printing what is nested a million times would take all of the stack.
    const auto nested = [](std::size_t depth) {
        return "{\"x\": \"\\\"[[\", \"y\": " + std::string(depth - 1, '[') +
               std::string(depth - 1, ']') + "}";
    };
    CHECK(control::from_line(nested(control::kNestingMax)));
    CHECK_FALSE(control::from_line(nested(control::kNestingMax + 1)));
    CHECK_FALSE(control::from_line(nested(1'000'000)));
    CHECK(control::verb_of({{"verb", 3}}).empty());
}

TEST_CASE("a request is answered", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock"});
    const auto reply = control::ask(folder / "control.sock", control::request("status"), 20s);
    REQUIRE(reply);
    CHECK((*reply)["echo"]["verb"] == "status");
}

TEST_CASE("several requests on one connection are answered in order", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock"});
    RawClient client(folder / "control.sock");
    client.send("{\"verb\":\"a\"}\n{\"verb\":\"b\"}\n{\"verb\"");
    CHECK_THAT(client.receive_line(), Contains("\"a\""));
    CHECK_THAT(client.receive_line(), Contains("\"b\""));
    client.send(":\"c\"}\n");
    CHECK_THAT(client.receive_line(), Contains("\"c\""));
}

TEST_CASE("a line that is no request is an error, and the connection goes on", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock"});
    RawClient client(folder / "control.sock");
    for (const char* line : {"\n", "hello\n", "[]\n", "{\n", "\xff\xff\n"}) {
        client.send(line);
        CHECK_THAT(client.receive_line(), Contains("one JSON object in one line"));
    }
    client.send("{\"verb\":\"throw\"}\n");
    CHECK_THAT(client.receive_line(), Contains("handler failed"));
    client.send("{}\n");
    CHECK_THAT(client.receive_line(), Contains("\"ok\":true"));
}

TEST_CASE("a request beyond the limit is refused and its connection closed", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock"});
    RawClient client(folder / "control.sock");
    client.send(std::string(control::kRequestBytesMax, ' '));
    CHECK_THAT(client.receive_line(), Contains("at most 65536 bytes"));
    CHECK(client.receive_line().empty());
}

TEST_CASE("connections beyond the limit are told so", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock", .connections_max = 2});
    {
        RawClient first(folder / "control.sock");
        RawClient second(folder / "control.sock");
        first.send("{}\n");
        second.send("{}\n");
        CHECK_FALSE(first.receive_line().empty());
        CHECK_FALSE(second.receive_line().empty());
        const auto third = control::ask(folder / "control.sock", control::request("x"), 20s);
        REQUIRE(third);
        CHECK_THAT((*third)["error"].get<std::string>(), Contains("2 connections are open"));
    }
    // Closed ones make room; the server learns of it in its own time.
    bool served = false;
    for (const auto end = std::chrono::steady_clock::now() + 20s;
         !served && std::chrono::steady_clock::now() < end;) {
        const auto again = control::ask(folder / "control.sock", control::request("x"), 20s);
        served = again && (*again)["ok"] == true;
    }
    CHECK(served);
}

TEST_CASE("an idle connection is closed", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock", .idle_timeout = 20ms});
    RawClient client(folder / "control.sock");
    CHECK(client.receive_line().empty());
}

TEST_CASE("a client that never reads its answers is closed", "[control]") {
    const TemporaryFolder folder;
    const Running running({.socket = folder / "control.sock", .idle_timeout = 50ms},
                          [](const Json&) {
                              return Json{{"ok", std::string(1'000'000, 'x')}};
                          });
    RawClient client(folder / "control.sock");
    client.send("{}\n");
    CHECK(client.send(std::string(64UL * 1024 * 1024, '\n')) == EPIPE);
}

TEST_CASE("the socket is for owner and group, whatever the umask", "[control]") {
    const TemporaryFolder folder;
    const mode_t before = umask(0077);
    const Running running({.socket = folder / "control.sock"});
    umask(before);
    struct stat found {};
    REQUIRE(stat((folder / "control.sock").c_str(), &found) == 0);
    CHECK((found.st_mode & 0777U) == 0660);
}

TEST_CASE("a living daemon's socket is not taken, a dead one's is", "[control]") {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "control.sock";
    boost::asio::io_context io;
    {
        const Running running({.socket = path});
        const auto second = ControlServer::listen(io, {.socket = path}, echo);
        REQUIRE_FALSE(second);
        CHECK_THAT(second.error().message,
                   Contains("another dynavgd runs with this control socket"));
        CHECK(control::ask(path, control::request("still"), 20s));
    }
    CHECK_FALSE(std::filesystem::exists(path));  // A clean end removes it.
    {
        // A bound socket that nobody listens on is what a crash leaves.
        const posix::Descriptor dead(::socket(AF_UNIX, SOCK_STREAM, 0));
        const auto address = control::unix_address(path).value();
        REQUIRE(bind(dead.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) ==
                0);
    }
    REQUIRE(std::filesystem::exists(path));
    const Running running({.socket = path});
    CHECK(control::ask(path, control::request("status"), 20s));
}

TEST_CASE("the end of a daemon leaves another's socket alone", "[control]") {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "control.sock";
    boost::asio::io_context io;
    auto first = ControlServer::listen(io, {.socket = path}, echo);
    REQUIRE(first);
    std::filesystem::remove(path);
    const auto second = ControlServer::listen(io, {.socket = path}, echo);
    REQUIRE(second);
    (*first)->stop();
    (*first)->stop();
    CHECK(std::filesystem::exists(path));
}

TEST_CASE("a place that can't have a socket is told", "[control]") {
    const TemporaryFolder folder;
    boost::asio::io_context io;
    const auto error_of = [&](const std::filesystem::path& path) {
        const auto server = ControlServer::listen(io, {.socket = path}, echo);
        REQUIRE_FALSE(server);
        return server.error().message;
    };
    CHECK_THAT(error_of(folder / "missing/control.sock"), Contains("missing does not exist"));
    CHECK_THAT(error_of(folder / std::string(120, 'x').c_str()), Contains("1 to 107 bytes"));
    std::ofstream(folder / "file") << "kept";
    CHECK_THAT(error_of(folder / "file"), Contains("no socket has this name"));
    CHECK(std::filesystem::file_size(folder / "file") == 4);
}

TEST_CASE("a handler may stop the server", "[control]") {
    const TemporaryFolder folder;
    boost::asio::io_context io;
    std::unique_ptr<ControlServer> server;
    auto listening =
        ControlServer::listen(io, {.socket = folder / "control.sock"}, [&](const Json&) {
            server.reset();
            return Json{{"ok", true}};
        });
    REQUIRE(listening);
    server = std::move(*listening);
    RawClient client(folder / "control.sock");
    client.send("{}\n");
    io.run();  // Ends: nothing is left to do.
    CHECK(client.receive_line().empty());
}

TEST_CASE("the client says that no daemon answers, and what to do", "[control]") {
    const TemporaryFolder folder;
    const auto missing = control::ask(folder / "control.sock", control::request("status"));
    REQUIRE_FALSE(missing);
    CHECK(missing.error().kind == Kind::not_running);
    CHECK_THAT(missing.error().message, Contains("no daemon answers on "));
    CHECK_THAT(missing.error().message, Contains("systemctl start dynavgd"));
    CHECK_THAT(missing.error().message, Contains("--control"));
}

TEST_CASE("the client does not wait for ever", "[control]") {
    const TemporaryFolder folder;
    const posix::Descriptor mute(::socket(AF_UNIX, SOCK_STREAM, 0));
    const auto address = control::unix_address(folder / "mute").value();
    REQUIRE(bind(mute.number(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(listen(mute.number(), 4) == 0);
    const auto reply = control::ask(folder / "mute", control::request("status"), 30ms);
    REQUIRE_FALSE(reply);
    CHECK(reply.error().kind == Kind::no_answer);
    CHECK_THAT(reply.error().message, Contains("nothing within 30 ms"));
}
