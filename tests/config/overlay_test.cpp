#include "config/overlay.hpp"

#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;

namespace {

const std::string kText = "[data]\nsource = \"synthetic-digits\"\n[averaging]\nthreshold = 3\n";

Expected<Config, Error> with(const std::vector<std::string>& settings) {
    std::vector<Overlay> overlays;
    for (const std::string& setting : settings) {
        auto more = parse_overlay(setting, "--set");
        if (!more) return Unexpected<Error>(more.error());
        overlays.insert(overlays.end(), more->begin(), more->end());
    }
    return parse_config(kText, "test.toml", overlays);
}

std::string error_of(const std::string& setting) {
    const auto config = with({setting});
    REQUIRE_FALSE(config);
    return config.error().message;
}

}  // namespace

TEST_CASE("an overlay takes the place of the file's value, the last one wins", "[overlay]") {
    CHECK(with({})->averaging.threshold == 3);
    CHECK(with({"averaging.threshold=0.5"})->averaging.threshold == 0.5);
    CHECK(with({"averaging.threshold=0.5", "averaging.threshold = 7"})->averaging.threshold == 7);
}

TEST_CASE("a word needs no quotes, other values are TOML", "[overlay]") {
    CHECK(with({"averaging.monitor=every-step"})->averaging.monitor ==
          protocol::MonitorKind::every_step);
    CHECK(with({"averaging.monitor=\"norm\""})->averaging.monitor == protocol::MonitorKind::norm);
    CHECK(with({"model.builtin=mlp", "model.hidden=[16, 8]"})->model.hidden ==
          std::vector<std::uint32_t>{16, 8});
    CHECK(with({"data.shard.split=sorted:0.6"})->data.shard->split.value == 0.6);
    CHECK(with({"data.test={}"})->data.test);
    CHECK(with({"data.test.samples=20"})->data.test->samples == 20);
    CHECK(with({"averaging.pace=lockstep"})->has_averaging_section);
}

TEST_CASE("a problem with an overlay names it", "[overlay]") {
    CHECK_THAT(error_of("averaging.threshold=-1"),
               Contains("--set averaging.threshold=-1: averaging.threshold: -1 is not allowed"));
    CHECK_THAT(error_of("averaging.threshhold=1"),
               Contains("averaging.threshhold: unknown key; did you mean averaging.threshold?"));
    CHECK_THAT(error_of("averaging=1"), Contains("averaging: must be a table"));
    // A rule that the overlay breaks together with the file.
    CHECK_THAT(error_of("training.momentum=0.9"),
               Contains("--set training.momentum=0.9: training.momentum: is only for"));
    // A rule about a key that stands in the file too.
    const auto overlays = parse_overlay("data.shard.index=5", "--set");
    const auto config =
        parse_config(kText + "[data.shard]\nindex = 0\ncount = 2\n", "test.toml", *overlays);
    REQUIRE_FALSE(config);
    CHECK_THAT(config.error().message,
               Contains("--set data.shard.index=5: data.shard.index: must be below"));
    for (const char* wrong : {"averaging.threshold", "=3", "averaging.threshold=", "a b=3", "a=[1",
                              "a=1\nb=2 3", "a=two words"}) {
        CAPTURE(wrong);
        CHECK_THAT(error_of(wrong), Contains("is not KEY=VALUE"));
    }
}

TEST_CASE("configurations that train alike have equal effective values", "[overlay]") {
    const auto base = effective_values(with({}).value());
    CHECK(base.at("averaging.threshold") == "3.0");
    CHECK(base.at("model.builtin") == "\"lenet5\"");
    CHECK(base.at("training.seed") == "1");
    CHECK_FALSE(base.contains("node.name"));
    CHECK_FALSE(base.contains("security.insecure"));
    CHECK_FALSE(base.contains("data.test.samples"));
    CHECK(effective_values(with({"averaging.threshold=3", "training.seed=1"}).value()) == base);
    CHECK(effective_values(with({"training.learning_rate=0.01"}).value()) != base);
    CHECK(effective_values(with({"data.test={}"}).value()).at("data.test.samples") == "0");
}
