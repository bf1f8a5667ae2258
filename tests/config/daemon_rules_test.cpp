#include <string>

#include "config/config.hpp"
#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;

namespace {

std::string verdict(const std::string& node, const std::string& security) {
    const auto config = parse_config("[data]\nsource = \"synthetic-digits\"\n[node]\n" + node +
                                         "\n[security]\n" + security + "\n",
                                     "test.toml");
    if (!config) FAIL(config.error().message);
    const auto checked = check_daemon_rules(*config);
    return checked ? "" : checked.error().message;
}

const std::string kInsecure = "insecure = true";
const std::string kKey(64, 'a');

}  // namespace

TEST_CASE("with keys any address will do, but every peer has its key", "[daemon rules]") {
    const std::string node =
        "network = \"n\"\nbind = \"tcp://0.0.0.0:7400\"\nadvertise = \"node-a.example:7400\"\n";
    CHECK(verdict(node + "peers = [\"" + kKey + "@node-b.example:7400\"]",
                  "trusted_peers = [\"" + kKey + "\"]")
              .empty());
    const std::string error = verdict(node + "peers = [\"node-b.example:7400\"]", "");
    CHECK_THAT(error, Contains("test.toml:7:1: node.peers: \"node-b.example:7400\" names no key"));
    CHECK_THAT(error, Contains("dynavg id"));
}

TEST_CASE("a key that would not be used is told", "[daemon rules]") {
    const std::string error =
        verdict("network = \"n\"\npeers = [\"" + kKey + "@127.0.0.1:7400\"]", kInsecure);
    CHECK_THAT(error, Contains("names a key, and security.insecure = true uses none"));
}

TEST_CASE("the daemon needs a network's name", "[daemon rules]") {
    CHECK_THAT(verdict("", kInsecure), Contains("node.network: is missing"));
}

TEST_CASE("a monitor that needs all models at once is for the simulation only", "[daemon rules]") {
    const auto load = [](const std::string& averaging) {
        return parse_config("[data]\nsource = \"synthetic-digits\"\n[node]\nnetwork = \"n\"\n" +
                                std::string("[security]\ninsecure = true\n[averaging]\n") +
                                averaging,
                            "test.toml");
    };
    const std::string monitor = "monitor = \"local-balanced\"\n";
    const auto config = load(monitor + "pace = \"lockstep\"");
    if (!config) FAIL(config.error().message);
    const auto checked = check_daemon_rules(*config);
    REQUIRE_FALSE(checked);
    CHECK(
        checked.error().message ==
        "test.toml:8:1: averaging.monitor: \"local-balanced\" runs in `dynavg simulate` only; use "
        "\"local\"");
    for (const std::string& pace : {std::string(), std::string("pace = \"free\"")}) {
        const auto free = load(monitor + pace);
        REQUIRE_FALSE(free);
        CHECK_THAT(free.error().message,
                   Contains("averaging.pace: must be \"lockstep\" with monitor = "
                            "\"local-balanced\", which runs in `dynavg simulate` only"));
    }
    const auto automatic = load(monitor +
                                "pace = \"lockstep\"\nthreshold = \"auto\"\ninitial_threshold = 1\n"
                                "target_interval_steps = 9");
    REQUIRE_FALSE(automatic);
    CHECK_THAT(automatic.error().message, Contains("averaging.threshold: is \"auto\", which counts "
                                                   "rounds"));
}

TEST_CASE("without keys every address is a loopback address", "[daemon rules]") {
    const std::string network = "network = \"n\"\n";
    CHECK(verdict(network + "bind = \"tcp://[::1]:0\"\nadvertise = \"localhost:1\"\n"
                            "peers = [\"127.0.0.2:7400\"]",
                  kInsecure)
              .empty());
    const std::string error = verdict(network +
                                          "bind = \"tcp://0.0.0.0:7400\"\n"
                                          "advertise = \"node-a.example:7400\"\n"
                                          "peers = [\"127.0.0.2:7400\", \"10.0.0.1:7400\"]",
                                      kInsecure);
    CHECK_THAT(error, Contains("test.toml:5:1: node.bind: \"tcp://0.0.0.0:7400\" is no loopback"));
    CHECK_THAT(error, Contains("test.toml:6:1: node.advertise: \"node-a.example:7400\""));
    CHECK_THAT(error, Contains("test.toml:7:1: node.peers: \"10.0.0.1:7400\""));
    CHECK_THAT(error, !Contains("127.0.0.2:7400\" is no"));
}
