#include "daemon/app/reload.hpp"

#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using Keys = std::vector<std::string>;

namespace {

config::Config parse(const std::string& text) {
    auto config = config::parse_config(
        "[node]\nnetwork = \"n\"\nname = \"a\"\n[data]\nsource = \"synthetic-digits\"\n" + text,
        "a.toml");
    if (!config) FAIL(config.error().message);
    return std::move(*config);
}

}  // namespace

TEST_CASE("a file that says the same changes nothing", "[reload]") {
    const config::Config config = parse("[averaging]\nthreshold = 3.0\n");
    const ReloadPlan plan = plan_reload(config, config);
    CHECK(plan.apply.empty());
    CHECK(plan.needs_restart.empty());
}

TEST_CASE("peers, their keys and the log's level are taken over, all else needs a restart",
          "[reload]") {
    config::Config read = parse(
        "[log]\nlevel = \"debug\"\n[training]\nlearning_rate = 0.5\n[averaging]\npace = "
        "\"lockstep\"\n");
    read.node.peers = {"b:7400"};
    read.security.trusted_peers = {"0102"};
    const ReloadPlan plan = plan_reload(parse("[averaging]\n"), read);
    CHECK(plan.apply == Keys{"node.peers", "security.trusted_peers", "log.level"});
    CHECK(plan.needs_restart == Keys{"training.learning_rate", "averaging.pace"});
}

TEST_CASE("settings learned from the network are no difference to a file without them",
          "[reload]") {
    config::Config running = parse("");
    running.averaging.threshold = 77;
    running.has_averaging_section = true;
    CHECK(plan_reload(running, parse("")).needs_restart.empty());
    CHECK(plan_reload(running, parse("[averaging]\nthreshold = 78.0\n")).needs_restart ==
          Keys{"averaging.threshold"});
}

TEST_CASE("a test set that comes or goes is a difference, also with all its defaults", "[reload]") {
    const config::Config without = parse("");
    const config::Config with = parse("test = { samples = 0 }\n");
    CHECK(plan_reload(without, with).needs_restart ==
          Keys{"data.test.path", "data.test.samples", "data.test.every_rounds"});
    CHECK(plan_reload(with, with).needs_restart.empty());
}
