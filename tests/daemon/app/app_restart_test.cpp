#include "tests/daemon/app/running_node.hpp"

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

/// Steps in the references of a test: the sum over the rounds, each told by a peer that it held.
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
    // A leaver hands over its drift, but for the step in hand; the last one has nobody to hand it
    // over to.
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
