#include "protocol/core/settings.hpp"

#include <limits>

#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

using Catch::Matchers::Contains;

/// Every setting differs from its default, so that one left out would show.
AveragingSettings unusual_settings() {
    AveragingSettings settings;
    settings.monitor = MonitorKind::sketch;
    settings.sketch = {7, 100};
    settings.sketch_seed = std::numeric_limits<std::uint64_t>::max();
    settings.interval = 40;
    settings.threshold = 0.1;
    settings.threshold_rule = {ThresholdKind::bytes, 0.3};
    settings.weights = WeightRule::samples;
    settings.outer = {OuterKind::adam, 0.01, 0.8, 0.7, 0.001};
    settings.pace = Pace::lockstep;
    settings.max_lag_steps = 12;
    settings.min_peers = 3;
    settings.quorum = QuorumRule::none;
    settings.state_interval = std::chrono::microseconds(1234);
    settings.check_every = 9;
    return settings;
}

NetworkFields with(std::string name, std::string text) {
    NetworkFields fields = fields_of(AveragingSettings{});
    fields.insert_or_assign(std::move(name), std::move(text));
    return fields;
}

}  // namespace

TEST_CASE("settings come back from their fields", "[settings]") {
    for (const AveragingSettings& settings : {AveragingSettings{}, unusual_settings()}) {
        const auto back = averaging_from_fields(fields_of(settings));
        REQUIRE(back);
        CHECK(*back == settings);
    }
    for (const double threshold : {1.0 / 3, 1e-300, 1e300, 0.1 + 0.2}) {
        AveragingSettings settings;
        settings.threshold = threshold;
        CHECK(averaging_from_fields(fields_of(settings)).value().threshold == threshold);
    }
}

TEST_CASE("every field differs where its setting differs", "[settings]") {
    const NetworkFields usual = fields_of(AveragingSettings{});
    const NetworkFields unusual = fields_of(unusual_settings());
    REQUIRE(usual.size() == unusual.size());
    for (const auto& [name, text] : usual) {
        CAPTURE(name);
        CHECK(name.starts_with("averaging."));
        CHECK(unusual.at(name) != text);
    }
}

TEST_CASE("a field that is missing is told by name", "[settings]") {
    for (const auto& [name, text] : fields_of(AveragingSettings{})) {
        CAPTURE(name);
        NetworkFields fields = fields_of(AveragingSettings{});
        fields.erase(name);
        const auto settings = averaging_from_fields(fields);
        REQUIRE_FALSE(settings);
        CHECK_THAT(settings.error().message, Contains(name));
    }
    CHECK_FALSE(averaging_from_fields({}));
}

TEST_CASE("a value that this version does not know is told with its field", "[settings]") {
    for (const auto& [name, text] : fields_of(AveragingSettings{})) {
        for (const std::string& unknown : {std::string("telepathy"), std::string(), text + "x",
                                           " " + text, std::string("99999999999999999999999x")}) {
            CAPTURE(name, unknown);
            const auto settings = averaging_from_fields(with(name, unknown));
            REQUIRE_FALSE(settings);
            CHECK_THAT(settings.error().message, Contains(name) && Contains(unknown));
        }
    }
}

TEST_CASE("a value out of range is refused", "[settings]") {
    const std::vector<std::pair<std::string, std::vector<std::string>>> wrong{
        {"averaging.sketch_rows", {"0", "65", "-1", "4294967296"}},
        {"averaging.sketch_columns", {"0", "65537", "-1"}},
        {"averaging.sketch_seed", {"-1", "18446744073709551616"}},
        {"averaging.threshold", {"0", "-1", "nan", "inf", "1e400"}},
        {"averaging.max_lag_steps", {"-1", "18446744073709551616"}},
        {"averaging.min_peers", {"-1", "4294967296"}},
        {"averaging.state_interval_us",
         {"-1", "3600000001", "9223372036854775807", "9223372036854775808"}},
        {"averaging.check_every", {"0", "-1"}},
    };
    for (const auto& [name, texts] : wrong) {
        for (const std::string& text : texts) {
            CAPTURE(name, text);
            CHECK_FALSE(averaging_from_fields(with(name, text)));
        }
    }
    CHECK(averaging_from_fields(with("averaging.sketch_rows", "64")));
    CHECK(averaging_from_fields(with("averaging.sketch_columns", "65536")));
    CHECK(averaging_from_fields(with("averaging.state_interval_us", "0")));
    CHECK(averaging_from_fields(with("averaging.state_interval_us", "3600000000")));
}

TEST_CASE("settings that no daemon can have are not taken over", "[settings]") {
    AveragingSettings settings;
    settings.monitor = MonitorKind::local_balanced;
    const auto back = averaging_from_fields(fields_of(settings));
    REQUIRE_FALSE(back);
    CHECK_THAT(back.error().message,
               Contains("averaging.monitor = local-balanced, which runs in dynavg simulate only"));
}

TEST_CASE("fields of other things are no matter of the settings", "[settings]") {
    CHECK(averaging_from_fields(with("model", "lenet5")));
}

}  // namespace dynavg::protocol
