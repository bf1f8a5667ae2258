#include "daemon/doors/door_check.hpp"

#include <array>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <zmq.hpp>

#include "daemon/transport/zmq_sockets.hpp"
#include "identity/curve_hello.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using boost::asio::ip::tcp;
using protocol::Reach;

namespace {

/// The listening sockets of a node.
struct Listening {
    explicit Listening(zmq::socket_type type = zmq::socket_type::router,
                       const identity::Identity* own = nullptr)
        : socket(*context, type) {
        set_options(socket, {.frame_bytes_max = 1024, .queue_max = 10});
        if (own != nullptr) secure_listening(socket, *own, Door::direct);
        const auto port = bind_socket(socket, {"127.0.0.1", 0});
        REQUIRE(port);
        address = "127.0.0.1:" + std::to_string(*port);
    }
    ZmqContextPointer context = make_zmq_context();
    zmq::socket_t socket;
    std::string address;
};

Reach check(TestLoop& loop, const std::string& address,
            const discovery::ProvenPeer& expected = std::nullopt) {
    std::optional<Reach> found;
    check_door(loop.io, address, expected, [&](Reach reach) {
        CHECK_FALSE(found);
        found = reach;
    });
    CHECK_FALSE(found);
    REQUIRE(loop.run_until([&] { return found.has_value(); }));
    return *found;
}

/// Another program: reads what comes and says `answer`, byte for byte.
class OtherProgram {
public:
    OtherProgram(TestLoop& loop, std::string answer)
        : m_answer(std::move(answer)), m_acceptor(loop.io, {tcp::v4(), 0}), m_socket(loop.io) {
        m_acceptor.async_accept(m_socket, [this](const boost::system::error_code& error) {
            if (!error) boost::asio::write(m_socket, boost::asio::buffer(m_answer));
        });
    }
    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(m_acceptor.local_endpoint().port());
    }

private:
    std::string m_answer;
    tcp::acceptor m_acceptor;
    tcp::socket m_socket;
};

std::string greeting(const std::string& mechanism) {
    std::string text(64, '\0');
    text[0] = '\xff';
    text[9] = '\x7f';
    text[10] = 3;
    text.replace(12, mechanism.size(), mechanism);
    return text;
}

}  // namespace

TEST_CASE("a node is found by its key, at each of its sockets", "[door_check]") {
    TestLoop loop;
    const auto own = identity::make_identity();
    for (const auto type : {zmq::socket_type::router, zmq::socket_type::xpub}) {
        const Listening node(type, &own);
        CHECK(check(loop, node.address, own.id) == Reach::reached);
        CHECK(check(loop, node.address, identity::make_identity().id) == Reach::other_key);
        // It answers only who speaks with keys.
        CHECK(check(loop, node.address) == Reach::other_program);
    }
}

TEST_CASE("a node without keys is found without", "[door_check]") {
    TestLoop loop;
    const Listening node;
    CHECK(check(loop, node.address) == Reach::reached);
    CHECK(check(loop, node.address, identity::make_identity().id) == Reach::other_program);
}

TEST_CASE("other programs are told from nodes", "[door_check]") {
    TestLoop loop;
    const auto expected = identity::make_identity().id;
    const OtherProgram web(loop, "HTTP/1.1 400 Bad Request\r\n\r\n" + std::string(64, ' '));
    CHECK(check(loop, web.address(), expected) == Reach::other_program);
    const OtherProgram silent(loop, "");
    CHECK(check(loop, silent.address(), expected) == Reach::other_program);
    const OtherProgram plain(loop, greeting("NULL"));
    CHECK(check(loop, plain.address(), expected) == Reach::other_program);
}

TEST_CASE("a server without the key can't say welcome", "[door_check]") {
    TestLoop loop;
    const auto expected = identity::make_identity().id;
    const std::string answer = greeting("CURVE") + "\x04\xa8\x07WELCOME" + std::string(160, 'x');
    const OtherProgram liar(loop, answer);
    CHECK(check(loop, liar.address(), expected) == Reach::other_key);
}

TEST_CASE("an address without a listener, and text that is no address, are told", "[door_check]") {
    TestLoop loop;
    std::string address;
    {
        const Listening node;
        address = node.address;
    }
    CHECK(check(loop, address) == Reach::refused);
    CHECK(check(loop, "nonsense") == Reach::no_such_host);
    CHECK(check(loop, "127.0.0.1:0") == Reach::no_such_host);
}

TEST_CASE("three sockets are checked side by side, those without an address not at all",
          "[door_check]") {
    TestLoop loop;
    const auto own = identity::make_identity();
    const Listening one(zmq::socket_type::router, &own), other(zmq::socket_type::xpub, &own);
    const auto three = [&](const protocol::Endpoints& endpoints) {
        std::optional<protocol::Reached> found;
        check_doors(loop.io, endpoints, own.id, [&](const auto& reached) { found = reached; });
        REQUIRE(loop.run_until([&] { return found.has_value(); }));
        return *found;
    };
    CHECK(three({one.address, other.address, "nonsense"}) ==
          protocol::Reached{Reach::reached, Reach::reached, Reach::no_such_host});
    CHECK(three({"", other.address, ""}) ==
          protocol::Reached{Reach::not_tried, Reach::reached, Reach::not_tried});
    CHECK(three({}) == protocol::Reached{});
}

TEST_CASE("a hello is of the length that a node expects, and no word is a welcome by itself",
          "[door_check]") {
    const auto other = identity::make_identity();
    const identity::CurveHello question(other.id);
    CHECK(question.hello() == question.hello());
    CHECK(question.hello() != identity::CurveHello(other.id).hello());
    CHECK_FALSE(question.is_welcome({}));
    const std::array<std::uint8_t, identity::CurveHello::kWelcomeBytes> zeros{};
    CHECK_FALSE(question.is_welcome(zeros));
    // A key that is no point of the curve has no owner.
    CHECK(identity::CurveHello(protocol::PeerId{}).hello()[0] == 0);
}
