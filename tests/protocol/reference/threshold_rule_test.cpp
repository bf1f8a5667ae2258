#include "protocol/reference/threshold_rule.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "protocol/reference/reference.hpp"
#include "protocol/wire/messages.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

constexpr ThresholdRule kFixed{};
constexpr ThresholdRule kInterval{ThresholdKind::interval, 100};

/// Two peers whose drifts have these squared norms, after so many steps each.
std::vector<ContributionFacts> facts(float first, float second, std::uint64_t steps) {
    return {{steps, 1, first}, {steps, 1, second}};
}

}  // namespace

TEST_CASE("a fixed threshold stays", "[threshold_rule]") {
    CHECK(next_threshold(kFixed, 3, facts(5, 7, 10), 1, 4) == 3);
    CHECK(std::isinf(target_steps(kFixed, 2, 4)));
    CHECK(std::isinf(overdue_steps(kFixed, 2, 4)));
}

TEST_CASE("the next threshold is the variance, times the wanted steps over those that passed",
          "[threshold_rule]") {
    // mean of the squared norms 6, less the squared norm of the mean.
    CHECK(next_threshold(kInterval, 3, facts(5, 7, 50), 2, 4) == Approx(4.0 * 100 / 50));
    CHECK(next_threshold(kInterval, 3, facts(5, 7, 200), 2, 4) == Approx(2));
    // A member without weight has no part in it.
    CHECK(next_threshold(kInterval, 3, std::vector<ContributionFacts>{{50, 1, 6}, {0, 0, 0}}, 2,
                         4) == Approx(8));
    CHECK(overdue_steps(kInterval, 2, 4) == 200);
}

TEST_CASE("a target in bytes is an interval for this model and so many peers", "[threshold_rule]") {
    const ThresholdRule bytes{ThresholdKind::bytes, 100};
    // 2 (K-1)/K x 4 x 1000 bytes a round.
    CHECK(target_steps(bytes, 2, 1000) == Approx(40));
    CHECK(target_steps(bytes, 10, 1000) == Approx(72));
    CHECK(target_steps(bytes, 2, 1) == 1);
}

TEST_CASE("one round changes the threshold by no more than a factor of 16", "[threshold_rule]") {
    CHECK(next_threshold(kInterval, 3, facts(5000, 5000, 1), 0, 4) == 48);
    CHECK(next_threshold(kInterval, 3, facts(1e-6F, 1e-6F, 1), 0, 4) == Approx(3.0 / 16));
    // So it never reaches zero.
    CHECK(next_threshold(kInterval, 1e-30, facts(1e-37F, 1e-37F, 1000), 0, 4) > 0);
}

TEST_CASE("without steps, variance or finite numbers it stays", "[threshold_rule]") {
    const float infinity = std::numeric_limits<float>::infinity();
    CHECK(next_threshold(kInterval, 3, facts(5, 7, 0), 2, 4) == 3);
    CHECK(next_threshold(kInterval, 3, facts(5, 7, 50), 6, 4) == 3);
    CHECK(next_threshold(kInterval, 3, facts(5, 7, 50), 9, 4) == 3);
    CHECK(next_threshold(kInterval, 3, facts(infinity, 7, 50), 2, 4) == 3);
    CHECK(next_threshold(kInterval, 3, std::vector<ContributionFacts>{}, 2, 4) == 3);
}

TEST_CASE("the interval comes to its target, whatever the threshold begins with",
          "[threshold_rule]") {
    // Drifts grow like steps^power; a round comes at the first step above the threshold, or when it
    // is overdue.
    for (const double power : {1.0, 1.5, 2.0}) {
        for (double threshold : {1e-4, 1.0, 1e5}) {
            CAPTURE(power, threshold);
            double steps = 0;
            for (int round = 0; round < 20; ++round) {
                steps = std::ceil(std::pow(threshold / 0.01, 1 / power));
                steps = std::clamp(steps, 1.0, overdue_steps(kInterval, 2, 4));
                const auto variance = static_cast<float>(0.01 * std::pow(steps, power));
                threshold = next_threshold(
                    kInterval, threshold,
                    facts(variance, variance, static_cast<std::uint64_t>(steps)), 0, 4);
            }
            CHECK(steps == Approx(100).epsilon(0.03));
        }
    }
}

TEST_CASE("the next reference has the threshold of the rule", "[threshold_rule]") {
    const auto initial = make_initial_reference({2, 1, false}, {0, 0, 0}, 3, 1);
    const OuterRules rules{{}, kInterval};
    // The mean is (1, 1): its squared distance is 2, whatever the buffer does.
    const auto next = make_next_reference(*initial, Epoch(1), {1, 1, 1000}, rules, facts(5, 7, 50));
    CHECK(next->threshold == Approx(8));
    CHECK(make_merged_reference(*initial, Epoch(2), next->values)->threshold == 3);
}

TEST_CASE("threshold rules have names, and limits", "[threshold_rule]") {
    for (const char* name : {"fixed", "interval", "bytes"}) {
        REQUIRE(threshold_kind_from_name(name));
        CHECK(name_of(*threshold_kind_from_name(name)) == name);
    }
    CHECK_FALSE(threshold_kind_from_name("auto"));
    CHECK(is_valid(kFixed));
    CHECK(is_valid(kInterval));
    for (const double bad : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN()}) {
        CHECK_FALSE(is_valid(ThresholdRule{ThresholdKind::interval, bad}));
    }
}

}  // namespace dynavg::protocol
