#include "tests/daemon/app/running_node.hpp"

namespace {

/// Somebody who keeps to no rule, with a key.
class Thief {
public:
    Thief(zmq::socket_type type, const identity::Identity& shown, const PeerId& host,
          const std::string& address)
        : m_socket(m_context, type) {
        set_options(m_socket, {.frame_bytes_max = 64 * 1024, .queue_max = 8});
        secure_dialing(m_socket, shown, host);
        m_socket.connect("tcp://" + address);
    }
    [[nodiscard]] zmq::socket_t& socket() { return m_socket; }

    /// Whether an introduction of this key is answered.
    [[nodiscard]] bool is_welcome(const PeerId& key, std::chrono::milliseconds patience = 5s) {
        m_socket.set(zmq::sockopt::rcvtimeo, static_cast<int>(patience.count()));
        protocol::Header header;
        header.network = protocol::NetworkId(static_cast<std::uint32_t>(
            protocol::Digester().add(std::string_view("test")).finish().high));
        protocol::Hello hello;
        hello.member = {0, key, protocol::Incarnation(1)};
        hello.name = "thief";
        hello.endpoints = {"127.0.0.1:1", "127.0.0.1:2", "127.0.0.1:3"};
        m_socket.send(zmq::buffer(protocol::wire::encode(header, hello)), zmq::send_flags::none);
        zmq::message_t answer;
        return m_socket.recv(answer).has_value();
    }

private:
    zmq::context_t m_context;
    zmq::socket_t m_socket;
};

}  // namespace

TEST_CASE("a token that is void opens nothing, not even over a connection that it opened",
          "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    config::Config config = keyed_config_of("a", folder);
    const PeerId host = identity::load_or_make_identity(folder / "a").value().id;
    const identity::SecretKey secret = identity::make_identity().secret;
    REQUIRE(identity::save_token_secret(folder / "a", secret));
    const identity::Identity token = identity::identity_from_seed(secret);
    RunningNode a(config, events);
    const std::string address = a.address();
    const PeerId first = identity::make_identity().id;
    const PeerId second = identity::make_identity().id;
    const auto say = [&](const std::string& verb, const PeerId& key) {
        return control::done_from(
                   control::ask(config.node.control, control::key_request(verb, key.hex())).value())
            .has_value();
    };
    Thief thief(zmq::socket_type::dealer, token, host, address);
    const bool before = thief.is_welcome(first);
    const bool is_trusted_as_a_peer = say("trust", token.id);
    const bool revoked = say("revoke", first);
    const bool after = thief.is_welcome(second, 500ms);
    const std::string kept = [&] {
        identity::TrustList list;
        REQUIRE(identity::load_trust(folder / "a", list));
        return list.text();
    }();
    // A folder in the way: nothing can be kept any more, and that is no success.
    std::filesystem::remove(folder / "a" / identity::kTrustFileName);
    std::filesystem::create_directories(folder / "a" / identity::kTrustFileName / "x");
    const bool without_a_disk = say("revoke", second);
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    CHECK(before);
    CHECK_FALSE(is_trusted_as_a_peer);
    CHECK(revoked);
    CHECK_FALSE(after);
    CHECK_THAT(kept, Contains("revoked " + first.hex()) && !Contains(second.hex()));
    CHECK_FALSE(without_a_disk);
}

TEST_CASE("a peer that subscribes to topics hears nothing any more, and is named", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    config::Config config = keyed_config_of("a", folder);
    const PeerId host = identity::load_or_make_identity(folder / "a").value().id;
    const identity::Identity peer = identity::make_identity();
    config.security.trusted_peers = {peer.id.hex()};
    RunningNode a(config, events);
    REQUIRE_FALSE(a.address().empty());
    const auto asked = control::ask(config.node.control, control::check_peers_request(false));
    const std::string gossip = control::peer_checks_from(asked.value()).value().endpoints.gossip;
    Thief thief(zmq::socket_type::sub, peer, host, gossip);
    thief.socket().set(zmq::sockopt::subscribe, "a topic");
    const Json refused = events.wait_for("a", "peer_refused");
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    CHECK(refused["peer"] == peer.id.fingerprint());
    CHECK_THAT(refused["message"].get<std::string>(), Contains("dynavg revoke"));
}

TEST_CASE("a daemon tries the way to its peers and back", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    // A third peer that never comes keeps training from beginning.
    const auto waiting = [&](const std::string& name) {
        config::Config config = config_of(name, folder);
        config.node.start_peers = 4;
        return config;
    };
    RunningNode a(waiting("a"), events);
    config::Config differs = waiting("d");
    differs.averaging.threshold = 199;
    RunningNode d(differs, events);
    config::Config config = waiting("b");
    config.node.peers = {a.address(), d.address(), "127.0.0.1:1"};
    RunningNode b(config, events);
    REQUIRE_FALSE(b.address().empty());
    const auto ask = [&](bool start) {
        const auto reply =
            control::ask(config.node.control, control::check_peers_request(start), kDeadline);
        return control::peer_checks_from(reply.value()).value();
    };
    auto checks = ask(true);
    CHECK_FALSE(checks.complete);
    while (!checks.complete) checks = ask(false);
    // The answer stays until the next check begins.
    CHECK(ask(false) == checks);
    kill(getpid(), SIGTERM);
    for (RunningNode* node : {&a, &b, &d}) CHECK(node->end().exit_code == 0);
    REQUIRE(checks.peers.size() == 3);
    using protocol::Reach;
    constexpr protocol::Reached kAll{Reach::reached, Reach::reached, Reach::reached};
    const control::PeerCheck& sound = checks.peers[0];
    CHECK(sound.direct == Reach::reached);
    CHECK(sound.admitted);
    CHECK(sound.answered);
    CHECK(sound.gossip_reach == Reach::reached);
    CHECK(sound.bulk_reach == Reach::reached);
    CHECK(sound.back == kAll);
    CHECK(sound.differences.empty());
    CHECK(std::abs(sound.clock_offset_ms) < 2000);
    const control::PeerCheck& other = checks.peers[1];
    REQUIRE(other.differences.size() == 1);
    CHECK(other.differences[0] == protocol::FieldDifference{"averaging.threshold", "199", "200"});
    CHECK(other.back == kAll);
    CHECK(checks.peers[2].direct == Reach::refused);
    CHECK_FALSE(checks.peers[2].answered);
}
