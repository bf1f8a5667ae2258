#include "tests/daemon/app/running_node.hpp"

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
    // Its subscription has ended too, or it would go on hearing this node.
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

TEST_CASE("SIGHUP has a daemon read its file again", "[app]") {
    const TemporaryFolder folder;
    EventPipe events;
    const config::Config config = config_of("a", folder);
    Hosting hosting;
    hosting.read_config = [&]() -> Expected<config::Config, Error> { return config; };
    RunningNode a(config, events, 1, nullptr, hosting);
    REQUIRE_FALSE(a.address().empty());
    // A daemon that answers takes signals, too.
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
