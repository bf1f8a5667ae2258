#include "protocol/reference/threshold_setting.hpp"

#include <algorithm>
#include <limits>
#include <memory>
#include <vector>

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/core/core_driver.hpp"
#include "tests/protocol/exchange/exchange_network.hpp"

namespace dynavg::protocol {

namespace {

constexpr OuterRules kFixed{};
constexpr OuterRules kAuto{{}, {ThresholdKind::interval, 100}, 1};

/// Members of a round that tell these settings, in roster order.
std::vector<ContributionFacts> facts(const std::vector<std::optional<ThresholdSetting>>& settings) {
    std::vector<ContributionFacts> all;
    for (const auto& setting : settings) all.push_back({10, 1, 4, setting});
    return all;
}

ReferencePointer initial() {
    return make_initial_reference({2, 0, false}, {0, 0}, 5, 1);
}

ReferencePointer after(const Reference& before,
                       const std::vector<std::optional<ThresholdSetting>>& settings,
                       const OuterRules& rules = kFixed) {
    return make_next_reference(before, before.epoch.next(), {1, 1}, rules, facts(settings));
}

/// A round in which another peer told this.
Actions commit(CoreDriver& driver, const ThresholdSetting& theirs) {
    driver.step(1, 100);
    const Actions agreed = driver.agree();
    const Reference& before = *driver.core.reference();
    const ReferencePointer next = make_next_reference(before, before.epoch.next(), {1, 1, 1, 1},
                                                      kFixed, facts({{}, theirs, {}}));
    Actions last = driver.exchange_done(*agreed.start_exchange, next);
    for (const Member& member : agreed.start_exchange->roster) {
        if (member == driver.self || !driver.core.round()) continue;
        last = driver.hear(member,
                           driver.agreeing(Prepared{driver.core.round()->ballot(), next->id.digest,
                                                    agreed.start_exchange->roster}));
    }
    for (PeerInfo& other : driver.view.peers) other.reference = driver.core.reference()->id;
    driver.steps_before += 1;
    driver.look();
    driver.installed();
    return last;
}

}  // namespace

TEST_CASE("of several settings the latest one counts, then that of the last peer in order",
          "[threshold_setting]") {
    CHECK(after(*initial(), {{}, {{3, 20}}, {{4, 10}}})->threshold == 3);
    CHECK(after(*initial(), {{{4, 10}}, {}, {{3, 20}}})->threshold == 3);
    const ReferencePointer tie = after(*initial(), {{{3, 20}}, {{4, 20}}, {}});
    CHECK(tie->threshold == 4);
    CHECK(tie->setting() == ThresholdSetting{4, 20});
    CHECK(after(*initial(), {{}, {}})->setting() == std::nullopt);
}

TEST_CASE("a setting that is older than the one in force changes nothing", "[threshold_setting]") {
    const ReferencePointer first = after(*initial(), {{{3, 20}}, {}});
    CHECK(after(*first, {{}, {}})->setting() == first->setting());
    CHECK(after(*first, {{{9, 19}}, {{3, 20}}})->threshold == 3);
    CHECK(after(*first, {{{9, 20}}, {}})->threshold == 3);
    CHECK(after(*first, {{{9, 21}}, {{3, 20}}})->threshold == 9);
}

TEST_CASE("a rule that moves the threshold stands above what a person sets",
          "[threshold_setting]") {
    CHECK(after(*initial(), {{{3, 20}}, {}}, kAuto)->threshold !=
          after(*initial(), {{{3, 20}}, {}})->threshold);
    CHECK(after(*initial(), {{{3, 20}}, {}}, kAuto)->setting() == std::nullopt);
}

TEST_CASE("in a merge the latest setting of both sides counts, else the common start",
          "[threshold_setting]") {
    const auto merged = [](const std::vector<std::optional<ThresholdSetting>>& settings) {
        return make_merged_reference(*initial(), Epoch(9), {1, 1}, kFixed, facts(settings));
    };
    CHECK(merged({{}, {}})->threshold == 5);
    CHECK(merged({{{3, 20}}, {{4, 10}}, {}})->threshold == 3);
}

TEST_CASE("a reference keeps its setting in its bytes and in its digest", "[threshold_setting]") {
    const ReferencePointer set = after(*initial(), {{{3, 20}}, {}});
    const auto back = decode_reference(encode_reference(*set), set->shape(), set->id);
    REQUIRE(back);
    CHECK((*back)->setting() == ThresholdSetting{3, 20});
    CHECK(after(*initial(), {{{3, 21}}, {}})->id != set->id);
    // A time from which no later one could be told is no peer's.
    Reference far = *set;
    far.threshold_set_at_ms = limits::kSetAtMsMax + 1;
    CHECK_FALSE(decode_reference(encode_reference(far), far.shape(), far.id));
}

TEST_CASE("all members of a round find the same threshold, and blame a member that tells none",
          "[threshold_setting]") {
    const auto run = [](const ThresholdSetting& odd) {
        auto network =
            std::make_unique<test::ExchangeNetwork>(ReferenceShape{5000, 0, true}, 4, 42);
        const Roster roster = network->roster(4);
        (*network)[1].setting = ThresholdSetting{7, 10};
        (*network)[2].setting = odd;
        for (std::size_t i = 0; i < 4; ++i) network->contribute(i);
        for (std::size_t i = 0; i < 4; ++i) network->start(i, roster);
        network->run(10s);
        return network;
    };
    const auto good = run({8, 11});
    for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE((*good)[i].done);
        CHECK((*good)[i].done->value->setting() == ThresholdSetting{8, 11});
        CHECK((*good)[i].done->value->id == (*good)[0].done->value->id);
    }
    const double infinity = std::numeric_limits<double>::infinity();
    for (const ThresholdSetting bad :
         {ThresholdSetting{infinity, 11}, ThresholdSetting{0, 11}, ThresholdSetting{8, 0},
          ThresholdSetting{8, limits::kSetAtMsMax + 1}}) {
        const auto network = run(bad);
        CHECK_FALSE((*network)[0].done);
        REQUIRE_FALSE((*network)[0].unusable.empty());
        CHECK((*network)[0].unusable[0].first == (*network)[2].member);
    }
}

TEST_CASE("a setting goes with the next contribution of its peer, and every time the same",
          "[threshold_setting]") {
    CoreDriver driver({.averaging = norm_settings(), .others = {peer(1), peer(2)}});
    REQUIRE(driver.core.set_threshold(3, 1000, driver.now));
    CHECK_FALSE(driver.core.round());
    driver.step(1, 100);
    REQUIRE(driver.core.round());
    // Too late for this one.
    REQUIRE(driver.core.set_threshold(4, 1000, driver.now));
    const auto order = driver.agree().start_exchange;
    REQUIRE(order);
    CHECK(order->setting == ThresholdSetting{3, 1000});
    CHECK(driver.core.setting_to_come() == ThresholdSetting{4, 1001});
}

TEST_CASE("a setting waits for a round that holds its peer, and gives way to a later one",
          "[threshold_setting]") {
    CoreDriver driver({.averaging = norm_settings(), .others = {peer(1), peer(2)}});
    REQUIRE(driver.core.set_threshold(3, 1000, driver.now));
    driver.commit_a_round();
    // The driver's references are made without facts, as if this peer had been left out.
    CHECK(driver.core.setting_to_come() == ThresholdSetting{3, 1000});
    const Actions earlier = commit(driver, {4, 999});
    CHECK(driver.core.reference()->threshold == 4);
    CHECK(driver.core.setting_to_come());
    REQUIRE_FALSE(earlier.events.empty());
    const Actions later = commit(driver, {9, 2000});
    CHECK(driver.core.reference()->threshold == 9);
    CHECK_FALSE(driver.core.setting_to_come());
    const auto told =
        std::find_if(later.events.begin(), later.events.end(),
                     [](const Event& event) { return event.name == "threshold_set"; });
    REQUIRE(told != later.events.end());
    CHECK(*told->find("threshold") == EventValue(9.0));
    CHECK(*told->find("before") == EventValue(4.0));
    // The next setting is later than that, whatever the clock says.
    REQUIRE(driver.core.set_threshold(3, 5, driver.now));
    CHECK(driver.core.setting_to_come() == ThresholdSetting{3, 2001});
}

TEST_CASE("a threshold below the variance is put in force by a round of its own",
          "[threshold_setting]") {
    CoreDriver driver({.averaging = norm_settings(), .others = {peer(1), peer(2)}});
    driver.hear_state(1, 1, 4);
    driver.step(1, 4);
    REQUIRE_FALSE(driver.core.round());
    // Above it: with the next round.
    REQUIRE(driver.core.set_threshold(4.5, 1000, driver.now));
    CHECK_FALSE(driver.core.round());
    REQUIRE(driver.core.set_threshold(2, 1001, driver.now));
    REQUIRE(driver.core.round());
    CHECK(driver.core.round()->evidence().reason == RoundReason::threshold_set);
}

TEST_CASE(
    "a threshold can't be set if no threshold decides, if a rule moves it, or if it is no number",
    "[threshold_setting]") {
    AveragingSettings settings = norm_settings();
    CoreDriver driver({.averaging = settings, .others = {peer(1)}});
    for (const double bad : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                             std::numeric_limits<double>::infinity()}) {
        CHECK_FALSE(driver.core.set_threshold(bad, 1000, driver.now));
    }
    CHECK_FALSE(driver.core.setting_to_come());
    settings.threshold_rule = {ThresholdKind::interval, 100};
    CoreDriver moved({.averaging = settings, .others = {peer(1)}});
    CHECK_FALSE(moved.core.set_threshold(3, 1000, moved.now));
    settings = norm_settings();
    settings.monitor = MonitorKind::interval;
    CoreDriver without({.averaging = settings, .others = {peer(1)}});
    CHECK_FALSE(without.core.set_threshold(3, 1000, without.now));
}

}  // namespace dynavg::protocol
