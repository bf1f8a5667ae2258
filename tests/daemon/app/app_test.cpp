#include "daemon/app/app.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <future>
#include <map>

#include <nlohmann/json.hpp>
#include <poll.h>
#include <unistd.h>
#include <zmq.hpp>

#include "control/checks.hpp"
#include "control/client.hpp"
#include "control/replies.hpp"
#include "daemon/transport/zmq_sockets.hpp"
#include "identity/key_file.hpp"
#include "identity/token.hpp"
#include "identity/trust.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/exchange/reference_holder.hpp"
#include "protocol/wire/codec.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/posix_disk.hpp"
#include "storage/restore.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/app/fake_manager.hpp"
#include "tests/daemon/threads/fake_learner.hpp"
#include "tests/daemon/threads/locked_disk.hpp"
#include "tests/temporary_folder.hpp"

// Whole daemons in one process, over real sockets on loopback: what dynavgd is without LibTorch.

using namespace dynavg;
using namespace dynavg::daemon;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using dynavg::test::TemporaryFolder;
using Json = nlohmann::json;
using protocol::PeerId;

namespace {

/// Only ends a test that has failed.
constexpr std::chrono::seconds kDeadline{30};

/// What all nodes of a test log, read as it comes.
class EventPipe {
public:
    EventPipe() { REQUIRE(pipe(m_ends.data()) == 0); }
    ~EventPipe() {
        for (const int end : m_ends) close(end);
    }
    EventPipe(const EventPipe&) = delete;
    EventPipe& operator=(const EventPipe&) = delete;
    [[nodiscard]] int fd() const { return m_ends[1]; }

    /// The node's first event of this name, past ones included; null if it does not come.
    Json wait_for(const std::string& node, const std::string& event) {
        const auto deadline = std::chrono::steady_clock::now() + kDeadline;
        std::size_t looked_at = 0;
        while (true) {
            for (; looked_at < m_events.size(); ++looked_at) {
                const Json& line = m_events[looked_at];
                if (line["node"] == node && line["event"] == event) return line;
            }
            if (std::chrono::steady_clock::now() > deadline) return {};
            read_more();
        }
    }
    /// Reads what has been logged by now.
    [[nodiscard]] const std::vector<Json>& events() {
        while (read_more(0ms)) {
        }
        return m_events;
    }
    /// Later events only are waited for from here on.
    void forget() {
        (void)events();
        m_events.clear();
    }
    [[nodiscard]] std::size_t count(const std::string& event) {
        (void)events();
        return static_cast<std::size_t>(
            std::count_if(m_events.begin(), m_events.end(),
                          [&event](const Json& line) { return line["event"] == event; }));
    }

private:
    bool read_more(std::chrono::milliseconds patience = 100ms) {
        pollfd poll_fd{m_ends[0], POLLIN, 0};
        if (poll(&poll_fd, 1, static_cast<int>(patience.count())) <= 0) return false;
        std::array<char, 65536> buffer{};
        const ssize_t size = read(m_ends[0], buffer.data(), buffer.size());
        if (size <= 0) return false;
        m_rest.append(buffer.data(), static_cast<std::size_t>(size));
        for (std::size_t end = 0; (end = m_rest.find('\n')) != std::string::npos;) {
            m_events.push_back(Json::parse(m_rest.substr(0, end)));
            m_rest.erase(0, end + 1);
        }
        return true;
    }

    std::array<int, 2> m_ends{-1, -1};
    std::string m_rest;
    std::vector<Json> m_events;
};

config::Config config_of(const std::string& name, const TemporaryFolder& folder) {
    config::Config config;
    config.security.insecure = true;
    config.node.network = "test";
    config.node.name = name;
    config.node.bind = "tcp://127.0.0.1:0";
    config.node.control = folder / (name + ".sock");
    config.node.start_peers = 2;
    config.training.max_steps = 40;
    config.training.exit_when_done = true;
    config.averaging.monitor = protocol::MonitorKind::norm;
    config.averaging.threshold = 200;
    config.averaging.state_interval = 1ms;
    config.has_averaging_section = true;
    return config;
}

config::Config keyed_config_of(const std::string& name, const TemporaryFolder& folder) {
    config::Config config = config_of(name, folder);
    config.security.insecure = false;
    config.node.state_dir = folder / name;
    return config;
}

protocol::ReferencePointer initial_reference(const config::Config& config) {
    return protocol::make_initial_reference({3, 0, false}, {0, 0, 0}, config.averaging.threshold,
                                            1);
}

Learning learning_of(const config::Config& config, float update) {
    Learning learning;
    learning.initial = initial_reference(config);
    auto learner = std::make_unique<FakeLearner>(learning.initial);
    learner->update = update;
    learning.learner = std::move(learner);
    if (config.node.role == protocol::Role::observer) {
        learning.learner = std::make_unique<protocol::ReferenceHolder>(learning.initial);
    }
    learning.write_reference = [](const std::filesystem::path& path,
                                  const protocol::Reference& reference) -> Expected<void, Error> {
        std::ofstream(path) << reference.id.digest.hex();
        return {};
    };
    learning.model = "fake";
    if (config.has_averaging_section) learning.fields = fields_of(config.averaging);
    learning.fields["network"] = config.node.network;
    learning.fields["model"] = "fake";
    if (config.data.test) {
        learning.evaluate = [](std::span<const float> values, std::uint64_t) {
            return protocol::Evaluation{static_cast<double>(values[0]) / 100, 0.5, 10};
        };
    }
    return learning;
}

/// One daemon on a thread of its own, as its main would run it.
class RunningNode {
public:
    RunningNode(config::Config config, EventPipe& events, float update = 1,
                std::shared_ptr<storage::Disk> disk = nullptr, Hosting hosting = {})
        : m_config(std::move(config)),
          m_events(events),
          m_disk(std::move(disk)),
          m_hosting(std::move(hosting)),
          m_ended(std::async(std::launch::async, [this, update] { return run(update); })) {}
    ~RunningNode() {
        if (m_ended.valid()) (void)end();
    }
    RunningNode(const RunningNode&) = delete;
    RunningNode& operator=(const RunningNode&) = delete;

    /// Where it listens; empty if it does not.
    [[nodiscard]] std::string address() {
        const Json started = m_events.wait_for(m_config.node.name, "started");
        return started.is_null() ? "" : started["bind"].get<std::string>();
    }
    /// One that does not end by itself in time is told to, and its exit code is -1.
    [[nodiscard]] AppOutcome end() {
        const bool late = m_ended.wait_for(kDeadline) != std::future_status::ready;
        if (late) kill(getpid(), SIGTERM);
        AppOutcome outcome = m_ended.get();
        if (late) outcome.exit_code = -1;
        return outcome;
    }

private:
    AppOutcome run(float update) {
        LogOptions options;
        options.format = LogFormat::json;
        options.node = m_config.node.name;
        options.network = m_config.node.network;
        options.fd = m_events.fd();
        Log log(std::move(options));
        protocol::Incarnation incarnation(1);
        App app(m_config, learning_of(m_config, update), incarnation, log, m_disk, m_hosting);
        if (auto started = app.start(); !started) {
            log.write(protocol::Event("failed", protocol::Level::error, started.error().message));
            return {.exit_code = 1, .learned = {}, .config = {}};
        }
        return app.run();
    }

    config::Config m_config;
    EventPipe& m_events;
    std::shared_ptr<storage::Disk> m_disk;
    Hosting m_hosting;
    std::future<AppOutcome> m_ended;
};

std::string digest_at(const config::Config& config, std::uint32_t epoch, float value) {
    return make_next_reference(*initial_reference(config), protocol::Epoch(epoch),
                               {value, value, value})
        ->id.digest.hex();
}

}  // namespace

TEST_CASE("three daemons in lockstep end with the reference that their steps make", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    const auto config_for = [&folder](const std::string& name) {
        config::Config config = config_of(name, folder);
        config.averaging.pace = protocol::Pace::lockstep;
        config.node.start_peers = 3;
        config.data.test = config::TestConfig{};
        return config;
    };
    config::Config config = config_for("a");
    RunningNode a(config, events);
    config = config_for("b");
    config.node.peers = {a.address()};
    RunningNode b(config, events);
    config = config_for("c");
    config.node.peers = {a.address()};
    RunningNode c(config, events);

    // 3 n^2 is above 200 after each ninth step; four rounds and the final one.
    const std::string expected = digest_at(config, 5, 40);
    for (const char* node : {"a", "b", "c"}) {
        CAPTURE(node);
        const Json complete = events.wait_for(node, "training_complete");
        REQUIRE_FALSE(complete.is_null());
        CHECK(complete["digest"] == expected);
        CHECK(complete["steps"] == 40);
        CHECK(complete["rounds"] == 5);
        CHECK(complete["accuracy"].get<double>() == Approx(0.4));
    }
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
    CHECK(c.end().exit_code == 0);
    CHECK(events.count("failed") == 0);
    CHECK_FALSE(std::filesystem::exists(folder / "a.sock"));
}

TEST_CASE("two daemons in free pace end with one reference", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    RunningNode a(config_of("a", folder), events, 1.0F);
    config::Config config = config_of("b", folder);
    config.node.peers = {a.address()};
    config.training.max_steps = 25;
    RunningNode b(config, events, 0.5F);
    const Json of_a = events.wait_for("a", "training_complete");
    const Json of_b = events.wait_for("b", "training_complete");
    REQUIRE_FALSE(of_a.is_null());
    REQUIRE_FALSE(of_b.is_null());
    CHECK(of_a["digest"] == of_b["digest"]);
    CHECK(of_a["epoch"] == of_b["epoch"]);
    CHECK(of_a["epoch"].get<int>() > 0);
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
}

TEST_CASE("an observer follows two daemons that do not wait for it, and writes their references",
          "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    config::Config config = config_of("a", folder);
    config.node.start_peers = 3;
    // It stays, so that the last reference can be pulled.
    config.training.exit_when_done = false;
    const std::filesystem::path control_of_a = config.node.control;
    RunningNode a(config, events);
    const std::string address = a.address();
    // Alone with an observer nobody starts.
    config::Config watching = config_of("o", folder);
    watching.node.role = protocol::Role::observer;
    watching.node.peers = {address};
    watching.training = {};
    watching.output.path = folder / "model.pt";
    RunningNode o(watching, events);
    REQUIRE_FALSE(events.wait_for("a", "peer_joined").is_null());
    REQUIRE_FALSE(events.wait_for("o", "peer_joined").is_null());
    config = config_of("b", folder);
    config.node.start_peers = 3;
    config.node.peers = {address};
    RunningNode b(config, events);
    REQUIRE_FALSE(events.wait_for("b", "peer_joined").is_null());
    config = config_of("c", folder);
    config.node.start_peers = 3;
    config.node.peers = {address};
    RunningNode c(config, events);

    const Json complete = events.wait_for("a", "training_complete");
    REQUIRE_FALSE(complete.is_null());
    for (const char* node : {"b", "c"}) CHECK(!events.wait_for(node, "stopped").is_null());
    // Its last file is their last reference.
    const auto is_there = [&] {
        std::ifstream file(folder / "model.pt");
        std::string digest;
        return static_cast<bool>(file >> digest) && digest == complete["digest"];
    };
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!is_there() && std::chrono::steady_clock::now() < deadline) {
        events.forget();
        (void)events.wait_for("o", "output_written");
    }
    CHECK(is_there());
    const auto status = control::ask(watching.node.control, control::request("status"), kDeadline);
    REQUIRE(status.has_value());
    CHECK((*status)["role"] == "observer");
    CHECK((*status)["training"] == "following");
    CHECK((*status)["digest"] == complete["digest"]);
    CHECK((*status)["steps"] == 0);
    for (const char* verb : {"pause", "resume"}) {
        const auto refused = control::ask(watching.node.control, control::request(verb), kDeadline);
        CHECK_FALSE((*refused)["ok"].get<bool>());
    }
    REQUIRE(control::ask(watching.node.control, control::request("leave"), kDeadline).has_value());
    CHECK(o.end().exit_code == 0);
    REQUIRE(control::ask(control_of_a, control::request("leave"), kDeadline).has_value());
    CHECK(a.end().exit_code == 0);
    for (const Json& line : events.events()) {
        if (line["event"] != "round_committed") continue;
        CHECK(line["participants"].size() <= 3);
        CHECK(line["expected"] <= 3);
    }
}

TEST_CASE("a peer with another threshold is refused by both sides, until a signal", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    RunningNode a(config_of("a", folder), events);
    config::Config config = config_of("b", folder);
    config.averaging.threshold = 250;
    config.node.peers = {a.address()};
    RunningNode b(config, events);
    const Json by_a = events.wait_for("a", "peer_refused");
    const Json by_b = events.wait_for("b", "peer_refused");
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
    REQUIRE_FALSE(by_a.is_null());
    REQUIRE_FALSE(by_b.is_null());
    CHECK_THAT(by_a["reason"].dump(), Contains("averaging.threshold: theirs 250, ours 200"));
    CHECK_THAT(by_b["reason"].dump(), Contains("averaging.threshold: theirs 200, ours 250"));
    CHECK(events.wait_for("a", "stopped")["reason"] == "SIGTERM");
    CHECK(events.wait_for("b", "stopped")["reason"] == "SIGTERM");
    CHECK(events.count("peer_joined") == 0);
}

TEST_CASE("a node without settings learns the network's, then joins with them", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    config::Config config = config_of("a", folder);
    config.averaging.check_every = 3;
    RunningNode a(config, events);
    const protocol::AveragingSettings settings = config.averaging;
    config = config_of("b", folder);
    config.averaging = {};
    config.has_averaging_section = false;
    config.node.peers = {a.address()};
    AppOutcome outcome = RunningNode(config, events).end();
    CHECK(outcome.exit_code == 0);
    REQUIRE(outcome.learned);
    CHECK(*outcome.learned == settings);

    config.averaging = *outcome.learned;
    config.has_averaging_section = true;
    RunningNode b(config, events);
    const Json of_a = events.wait_for("a", "training_complete");
    const Json of_b = events.wait_for("b", "training_complete");
    REQUIRE_FALSE(of_a.is_null());
    REQUIRE_FALSE(of_b.is_null());
    CHECK(of_a["digest"] == of_b["digest"]);
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
}

TEST_CASE("a daemon that waits for peers says so when asked", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    const config::Config config = config_of("a", folder);
    RunningNode a(config, events);
    REQUIRE_FALSE(a.address().empty());
    const auto reply = control::ask(config.node.control, control::request("status"), kDeadline);
    const auto peers = control::ask(config.node.control, control::request("peers"), kDeadline);
    const auto unknown = control::ask(config.node.control, control::request("dance"), kDeadline);
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    REQUIRE(reply);
    const auto status = control::status_from(*reply);
    REQUIRE(status);
    CHECK(status->node == "a");
    CHECK(status->training == "waiting-for-peers");
    CHECK(status->digest == initial_reference(config)->id.digest.hex());
    CHECK(status->parameters == 3);
    CHECK(status->steps == 0);
    CHECK(status->peers_live == 0);
    REQUIRE(peers);
    CHECK(control::peers_from(*peers).value().peers.empty());
    REQUIRE(unknown);
    CHECK_THAT((*unknown)["error"].get<std::string>(), Contains("dance"));
}

TEST_CASE("a file that is read again brings new peers", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    RunningNode a(config_of("a", folder), events);
    config::Config config = config_of("b", folder);
    config::Config changed = config;
    changed.node.peers = {a.address()};
    changed.training.batch_size = 7;
    changed.log.level = protocol::Level::debug;
    std::atomic<bool> valid = false;
    Hosting hosting;
    hosting.read_config = [&]() -> Expected<config::Config, Error> {
        if (!valid) return fail("b.toml:3:1: nonsense");
        return changed;
    };
    RunningNode b(config, events, 1, nullptr, hosting);
    REQUIRE_FALSE(b.address().empty());
    const auto reload = [&config] {
        return control::reload_from(
            control::ask(config.node.control, control::request("reload"), kDeadline).value());
    };

    const auto refused = reload();
    const auto still = control::status_from(
        control::ask(config.node.control, control::request("status"), kDeadline).value());
    valid = true;
    const auto taken = reload();
    // Only now has b anybody to train with.
    const Json complete = events.wait_for("b", "training_complete");
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
    CHECK(complete["rounds"].get<int>() > 0);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message == "b.toml:3:1: nonsense");
    CHECK(events.wait_for("b", "reload_failed")["reason"] == "b.toml:3:1: nonsense");
    CHECK(still->peers_known == 0);
    REQUIRE(taken);
    CHECK(taken->applied == std::vector<std::string>{"node.peers", "log.level"});
    CHECK(taken->needs_restart == std::vector<std::string>{"training.batch_size"});
    CHECK(events.wait_for("b", "reloaded")["needs_restart"][0] == "training.batch_size");
}

TEST_CASE("keys that come and go with the file are let in and shut out", "[app]") {
    // Either list names whom to let in. A third peer that never comes keeps training from
    // beginning.
    const bool by_peers = GENERATE(false, true);
    CAPTURE(by_peers);
    const TemporaryFolder folder;
    EventPipe events;
    const auto keyed = [&](const std::string& name) {
        config::Config config = keyed_config_of(name, folder);
        config.node.start_peers = 3;
        return config;
    };
    const config::Config without = keyed("a");
    config::Config with = without;
    config::Config other = keyed("b");
    const std::string a_key = identity::load_or_make_identity(folder / "a").value().id.hex();
    const std::string b_key = identity::load_or_make_identity(folder / "b").value().id.hex();
    if (by_peers) {
        with.node.peers = {b_key + "@127.0.0.1:1"};
    } else {
        with.security.trusted_peers = {b_key};
    }
    std::atomic<bool> named = true;
    Hosting hosting;
    hosting.read_config = [&]() -> Expected<config::Config, Error> {
        return named ? with : without;
    };
    RunningNode a(without, events, 1, nullptr, hosting);
    other.node.peers = {a_key + "@" + a.address()};
    RunningNode b(other, events);
    const auto reload = [&] {
        return control::reload_from(
            control::ask(without.node.control, control::request("reload"), kDeadline).value());
    };
    CHECK_FALSE(events.wait_for("a", "peer_refused").is_null());
    const auto taken = reload();
    const Json joined = events.wait_for("a", "peer_joined");
    const Json joined_there = events.wait_for("b", "peer_joined");
    named = false;
    const auto taken_back = reload();
    const Json left = events.wait_for("a", "peer_left");
    // What was published to it has ended too, or it would go on hearing this node.
    const Json suspected = events.wait_for("b", "peer_suspected");
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
    const std::vector<std::string> key{by_peers ? "node.peers" : "security.trusted_peers"};
    REQUIRE(taken);
    CHECK(taken->applied == key);
    CHECK(taken->needs_restart.empty());
    REQUIRE(taken_back);
    CHECK(taken_back->applied == key);
    CHECK_FALSE(joined.is_null());
    CHECK_FALSE(joined_there.is_null());
    CHECK(left["reason"] == "no longer trusted");
    CHECK_FALSE(suspected.is_null());
}

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

TEST_CASE("SIGHUP has a daemon read its file again", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    const config::Config config = config_of("a", folder);
    Hosting hosting;
    hosting.read_config = [&]() -> Expected<config::Config, Error> { return config; };
    RunningNode a(config, events, 1, nullptr, hosting);
    REQUIRE_FALSE(a.address().empty());
    // Who answers takes signals, too.
    CHECK(control::ask(config.node.control, control::request("status"), kDeadline));
    kill(getpid(), SIGHUP);
    CHECK(events.wait_for("a", "reloaded")["applied"].empty());
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
}

TEST_CASE("words that a joiner heard before it learned its settings hold after that", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    RunningNode a(config_of("a", folder), events);
    config::Config config = config_of("b", folder);
    config.averaging = {};
    config.has_averaging_section = false;
    config::Config changed = config;
    changed.node.peers = {a.address()};
    Hosting hosting;
    hosting.read_config = [&]() -> Expected<config::Config, Error> { return changed; };
    RunningNode b(config, events, 1, nullptr, hosting);
    REQUIRE_FALSE(b.address().empty());
    CHECK(control::ask(config.node.control, control::request("reload"), kDeadline));
    const AppOutcome outcome = b.end();
    kill(getpid(), SIGTERM);
    (void)a.end();
    CHECK(outcome.learned);
    CHECK(outcome.config.node.peers == changed.node.peers);
}

TEST_CASE("a service manager hears that a daemon is up, alive and leaving", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    FakeManager fake("3000000");
    ServiceManager manager;
    Hosting hosting;
    hosting.manager = &manager;
    // Alone, with nobody to train with: that is no reason not to be ready.
    RunningNode a(config_of("a", folder), events, 1, nullptr, hosting);
    const std::string ready = fake.next();
    CHECK_THAT(ready, StartsWith("READY=1\nSTATUS=waiting-for-peers: 0 of 0 peers live, epoch 0"));
    CHECK(fake.next() == "WATCHDOG=1");
    CHECK(fake.next() == "WATCHDOG=1");
    kill(getpid(), SIGTERM);
    CHECK_THAT(fake.next_with("STOPPING=1"),
               StartsWith("STOPPING=1\nSTATUS=leaving the network: SIGTERM\nEXTEND_TIMEOUT_USEC="));
    CHECK(a.end().exit_code == 0);
}

TEST_CASE("a service manager hears of an end that no person asked for", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    FakeManager fake("3000000");
    ServiceManager manager;
    Hosting hosting;
    hosting.manager = &manager;
    RunningNode a(config_of("a", folder), events, 1, nullptr, hosting);
    config::Config config = config_of("b", folder);
    config.node.peers = {a.address()};
    RunningNode b(config, events);
    CHECK_THAT(fake.next_with("STOPPING=1"),
               StartsWith("STOPPING=1\nSTATUS=leaving the network: training is complete"));
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
}

TEST_CASE("a service manager grants a joiner the time to start with the network's settings",
          "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    FakeManager fake("3000000");
    ServiceManager manager;
    Hosting hosting;
    hosting.manager = &manager;
    RunningNode a(config_of("a", folder), events);
    config::Config config = config_of("b", folder);
    config.averaging = {};
    config.has_averaging_section = false;
    config.node.peers = {a.address()};
    CHECK(RunningNode(config, events, 1, nullptr, hosting).end().learned.has_value());
    CHECK_THAT(fake.next_with("WATCHDOG_USEC=900000000"), StartsWith("STATUS=takes over"));
    kill(getpid(), SIGTERM);
    (void)a.end();
}

TEST_CASE("a port or a control socket in use is an error at the start", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    LogOptions options;
    options.fd = events.fd();
    options.format = LogFormat::json;
    Log log(std::move(options));
    config::Config config = config_of("a", folder);
    RunningNode a(config, events);
    const std::string address = a.address();
    const auto error_of = [&log](const config::Config& second) -> std::string {
        App app(second, learning_of(second, 1), protocol::Incarnation(2), log);
        const auto started = app.start();
        return started ? "" : started.error().message;
    };
    config::Config same_port = config_of("b", folder);
    same_port.node.bind = "tcp://" + address;
    const std::string port_in_use = error_of(same_port);
    config::Config same_socket = config_of("b", folder);
    same_socket.node.control = config.node.control;
    const std::string socket_in_use = error_of(same_socket);
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    CHECK_THAT(port_in_use, Contains(address));
    CHECK_THAT(socket_in_use, Contains("another dynavgd"));
}

namespace {

bool leave(const config::Config& config) {
    return control::ask(config.node.control, control::request("leave"), kDeadline).has_value();
}

std::shared_ptr<storage::Disk> open_folder(const TemporaryFolder& folder, const std::string& name) {
    auto disk = storage::PosixDisk::open((folder / name).string());
    REQUIRE(disk.has_value());
    return std::move(*disk);
}

/// Local steps on the peer's disk that no reference holds.
std::uint64_t steps_kept_for_later(const config::Config& config, const TemporaryFolder& folder) {
    const auto disk = open_folder(folder, config.node.name);
    const Learning learning = learning_of(config, 1);
    storage::CheckpointStore store(*disk, learning.initial->shape(),
                                   storage::digest_of(learning.fields));
    protocol::Member self;
    self.id = protocol::PeerId::from_name(config.node.name);
    return storage::make_restart(store.load(), self, 1).steps_since_reference;
}

/// Which steps the references of a test hold: the sum over the rounds, each told by whom it held.
std::uint64_t steps_in_references(const std::vector<Json>& events) {
    std::map<std::uint64_t, std::uint64_t> steps_of_epoch;
    for (const Json& line : events) {
        if (line["event"] != "round_committed") continue;
        const auto steps = line["steps"].get<std::uint64_t>();
        std::uint64_t& known = steps_of_epoch[line["epoch"].get<std::uint64_t>()];
        known = std::max(known, steps);
    }
    std::uint64_t sum = 0;
    for (const auto& [epoch, steps] : steps_of_epoch) sum += steps;
    return sum;
}

}  // namespace

TEST_CASE("a daemon that is started again goes on with its steps, and none counts twice", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    // Neither ends by itself: how fast the two train must not decide what is tested.
    config::Config config_of_a = config_of("a", folder);
    config_of_a.training.max_steps = 1'000'000'000;
    config::Config config_of_b = config_of_a;
    config_of_b.node.name = "b";
    config_of_b.node.control = folder / "b.sock";
    std::optional<RunningNode> a(std::in_place, config_of_a, events, 1, open_folder(folder, "a"));
    config_of_b.node.peers = {a->address()};
    std::vector<Json> all;
    const auto take_events = [&events, &all] {
        const std::vector<Json>& read = events.events();
        all.insert(all.end(), read.begin(), read.end());
        events.forget();
    };
    const auto steps_kept_by = [&all](const std::string& node) {
        std::uint64_t steps = 0;
        for (const Json& line : all) {
            // Of the files that are written, the one of local training tells steps.
            if (line["node"] != node || line["event"] != "checkpoint_written") continue;
            if (!line.contains("steps")) continue;
            steps = line["steps"].get<std::uint64_t>();
        }
        return steps;
    };
    {
        RunningNode b(config_of_b, events, 1, open_folder(folder, "b"));
        REQUIRE_FALSE(events.wait_for("b", "round_committed").is_null());
        REQUIRE(leave(config_of_b));
        CHECK(b.end().exit_code == 0);
        take_events();
    }
    const std::uint64_t stopped_at = steps_kept_by("b");
    CHECK(stopped_at > 0);
    {
        RunningNode b(config_of_b, events, 1, open_folder(folder, "b"));
        REQUIRE_FALSE(events.wait_for("b", "round_committed").is_null());
        REQUIRE(leave(config_of_a));
        CHECK(a->end().exit_code == 0);
        REQUIRE(leave(config_of_b));
        CHECK(b.end().exit_code == 0);
    }
    a.reset();
    take_events();
    CHECK(std::any_of(all.begin(), all.end(), [stopped_at](const Json& line) {
        return line["event"] == "checkpoint_loaded" && line.contains("steps") &&
               line["steps"] == stopped_at;
    }));
    CHECK(steps_kept_by("b") > stopped_at);
    // Who leaves hands over what it has, but for the step in hand; the last one has nobody to hand
    // it over to.
    const std::uint64_t kept_by_a = steps_kept_for_later(config_of_a, folder);
    CHECK(kept_by_a <= 1);
    CHECK(steps_in_references(all) + kept_by_a + steps_kept_for_later(config_of_b, folder) ==
          steps_kept_by("a") + steps_kept_by("b"));
    std::map<std::uint64_t, std::string> digest_of_epoch;
    for (const Json& line : all) {
        CHECK(line["event"] != "checkpoint_damaged");
        CHECK(line["event"] != "checkpoint_failed");
        CHECK(line["event"] != "failed");
        if (line["event"] != "round_committed") continue;
        const auto digest = line["digest"].get<std::string>();
        const auto known = digest_of_epoch.emplace(line["epoch"].get<std::uint64_t>(), digest);
        CHECK(known.first->second == digest);
    }
}

TEST_CASE(
    "a daemon whose disk fails says so and goes on; after a restart it is what the disk knows",
    "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    config::Config config = config_of("a", folder);
    config.training.max_steps = 1'000'000'000;
    RunningNode a(config, events, 1, open_folder(folder, "a"));
    config.node.name = "b";
    config.node.control = folder / "b.sock";
    config.node.checkpoint_interval_s = 1;
    config.node.peers = {a.address()};
    const auto disk = std::make_shared<LockedDisk>();
    std::string epoch;
    {
        RunningNode b(config, events, 1, disk);
        REQUIRE_FALSE(events.wait_for("b", "round_committed").is_null());
        disk->cut_off();
        const Json failed = events.wait_for("b", "checkpoint_failed");
        REQUIRE_FALSE(failed.is_null());
        CHECK(failed["level"] == "warning");
        REQUIRE(leave(config));
        CHECK(b.end().exit_code == 0);
    }
    disk->reconnect();
    events.forget();
    RunningNode b(config, events, 1, disk);
    REQUIRE_FALSE(events.wait_for("b", "checkpoint_loaded").is_null());
    const Json committed = events.wait_for("b", "round_committed");
    CHECK_FALSE(committed.is_null());
    kill(getpid(), SIGTERM);
    CHECK(a.end().exit_code == 0);
    CHECK(b.end().exit_code == 0);
    CHECK(events.count("failed") == 0);
}

TEST_CASE("the state folder of another network is refused at the start, and not touched", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    LogOptions options;
    options.fd = events.fd();
    options.format = LogFormat::json;
    Log log(std::move(options));
    config::Config config = config_of("a", folder);
    {
        App app(config, learning_of(config, 1), protocol::Incarnation(1), log,
                open_folder(folder, "state"));
        REQUIRE(app.start().has_value());
    }
    config.averaging.threshold = 300;
    App app(config, learning_of(config, 1), protocol::Incarnation(2), log,
            open_folder(folder, "state"));
    const auto started = app.start();
    REQUIRE_FALSE(started.has_value());
    CHECK_THAT(started.error().message, Contains((folder / "state").string()));
    CHECK_THAT(started.error().message, Contains("averaging.threshold is 200 there and 300 here"));
}
