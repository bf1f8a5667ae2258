#include "protocol/monitor/monitor_kind.hpp"

#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <string_view>
#include <utility>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr SketchShape kShape{3, 4};
/// States are float32: the error that a sum of a few of them may have.
constexpr double kTolerance = 1e-6;

using Vector = std::vector<double>;

double bound_of(MonitorKind kind, const std::vector<LocalState>& states, std::size_t peers,
                SketchShape shape = kShape) {
    std::vector<WeightedState> weighted;
    for (const LocalState& state : states) weighted.push_back({&state});
    return variance_bound(kind, shape, weighted, static_cast<double>(peers));
}

double dot(const Vector& a, const Vector& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
    return sum;
}

Vector random_vector(std::size_t size, RandomStream& random) {
    Vector values(size);
    for (double& value : values) value = 2 * random.uniform() - 1;
    return values;
}

/// Var of docs: the mean squared distance of the models from their mean.
double variance_of(const std::vector<Vector>& drifts) {
    const auto count = static_cast<double>(drifts.size());
    Vector mean(drifts.front().size());
    for (const Vector& drift : drifts) {
        for (std::size_t i = 0; i < mean.size(); ++i) mean[i] += drift[i] / count;
    }
    double sum = 0;
    for (const Vector& drift : drifts) {
        for (std::size_t i = 0; i < mean.size(); ++i) {
            sum += (drift[i] - mean[i]) * (drift[i] - mean[i]) / count;
        }
    }
    return sum;
}

LocalState state_of(MonitorKind kind, const Vector& drift, const Vector& direction) {
    LocalState state{static_cast<float>(dot(drift, drift)), {}};
    if (kind == MonitorKind::linear) state.values = {static_cast<float>(dot(drift, direction))};
    if (kind == MonitorKind::exact) {
        for (const double value : drift) state.values.push_back(static_cast<float>(value));
    }
    return state;
}

}  // namespace

TEST_CASE("norm: H is the mean squared norm", "[monitor_kind]") {
    CHECK(bound_of(MonitorKind::norm, {{3, {}}, {5, {}}, {1, {}}}, 3) == Approx(3));
    CHECK(bound_of(MonitorKind::norm, {{3, {}}, {5, {}}}, 4) == Approx(2));
    CHECK(bound_of(MonitorKind::norm, {}, 4) == Approx(0));
}

TEST_CASE("linear: H takes off the square of the mean along the direction", "[monitor_kind]") {
    // (8 + 2) / 2 - ((2 - 1) / 2)^2
    CHECK(bound_of(MonitorKind::linear, {{8, {2}}, {2, {-1}}}, 2) == Approx(4.75));
    // A missing peer is a zero drift: both means are over three.
    CHECK(bound_of(MonitorKind::linear, {{8, {2}}, {2, {1}}}, 3) == Approx(10.0 / 3 - 1));
    CHECK(bound_of(MonitorKind::linear, {}, 3) == Approx(0));
}

TEST_CASE("exact: H takes off the squared norm of the mean drift", "[monitor_kind]") {
    // Drifts (2, 0) and (0, 2): mean (1, 1).
    CHECK(bound_of(MonitorKind::exact, {{4, {2, 0}}, {4, {0, 2}}}, 2) == Approx(2));
    CHECK(bound_of(MonitorKind::exact, {{4, {2, 0}}}, 2) == Approx(1));
    CHECK(bound_of(MonitorKind::exact, {}, 2) == Approx(0));
}

TEST_CASE("sketch: H takes off the estimate of the mean drift, less its error", "[monitor_kind]") {
    // Rows of the mean sketch: squared norms 4, 1 and 9, so M2 = 4; epsilon = 1/sqrt(4).
    const std::vector<float> sketch{4, 0, 0, 0, 0, 2, 0, 0, 0, 0, 6, 0};
    const std::vector<float> zero(12, 0.0F);
    CHECK(bound_of(MonitorKind::sketch, {{20, sketch}, {10, zero}}, 2) ==
          Approx(15 - 4 / 1.5).epsilon(kTolerance));
    CHECK(bound_of(MonitorKind::sketch, {{20, sketch}}, 2) == Approx(10 - 4 / 1.5));
    CHECK(bound_of(MonitorKind::sketch, {}, 2) == Approx(0));
}

TEST_CASE("every-step: H is above any threshold", "[monitor_kind]") {
    CHECK(bound_of(MonitorKind::every_step, {{0, {}}}, 2) ==
          std::numeric_limits<double>::infinity());
}

TEST_CASE("M2 is the median of the rows' squared norms", "[monitor_kind]") {
    const std::vector<float> odd{1, 2, 3, 0, 0, 1};
    CHECK(sketch_squared_norm({3, 2}, odd) == Approx(5));  // Of 5, 9 and 1.
    const std::vector<float> even{1, 2, 3, 0, 0, 1, 4, 4};
    CHECK(sketch_squared_norm({4, 2}, even) == Approx(7));  // Of 1, 5, 9 and 32.
    CHECK(sketch_squared_norm({1, 2}, std::vector<float>{3, 4}) == Approx(25));
}

TEST_CASE("H is never below the variance of the models", "[monitor_kind]") {
    for (std::uint64_t seed = 0; seed < 200; ++seed) {
        CAPTURE(seed);
        RandomStream random(seed, RandomPurpose::test);
        const std::size_t parameters = 1 + random.below(20);
        std::vector<Vector> drifts(2 + random.below(6));
        // With a common part, else there is nothing for the direction to take off.
        const Vector common = random_vector(parameters, random);
        for (Vector& drift : drifts) {
            drift = random_vector(parameters, random);
            for (std::size_t i = 0; i < parameters; ++i) drift[i] += 3 * common[i];
        }
        Vector direction = random_vector(parameters, random);
        const double length = std::sqrt(dot(direction, direction));
        for (double& value : direction) value /= length;

        const double variance = variance_of(drifts);
        const auto bound = [&](MonitorKind kind) {
            std::vector<LocalState> states;
            for (const Vector& drift : drifts) states.push_back(state_of(kind, drift, direction));
            return bound_of(kind, states, states.size());
        };
        const double norm = bound(MonitorKind::norm);
        const double slack = kTolerance * norm;
        CHECK(norm >= variance - slack);
        CHECK(bound(MonitorKind::linear) >= variance - slack);
        CHECK(bound(MonitorKind::linear) <= norm + slack);
        CHECK(bound(MonitorKind::exact) == Approx(variance).margin(slack));
        double along = 0;
        for (const Vector& drift : drifts) along += dot(drift, direction);
        along /= static_cast<double>(drifts.size());
        CHECK(bound(MonitorKind::linear) == Approx(norm - along * along).margin(slack));
    }
}

TEST_CASE("linear is exact where the mean drift lies along the direction", "[monitor_kind]") {
    const std::vector<Vector> drifts{{3, 1}, {3, -1}};
    std::vector<LocalState> states;
    for (const Vector& drift : drifts) {
        states.push_back(state_of(MonitorKind::linear, drift, {1, 0}));
    }
    CHECK(bound_of(MonitorKind::linear, states, 2) == Approx(variance_of(drifts)));
}

TEST_CASE("a state must be finite, of the right size and of no negative norm", "[monitor_kind]") {
    CHECK(is_valid({0, {}}, 0));
    CHECK(is_valid({2, {1, -1}}, 2));
    CHECK_FALSE(is_valid({2, {1}}, 2));
    CHECK_FALSE(is_valid({2, {1, 2, 3}}, 2));
    CHECK_FALSE(is_valid({-1, {}}, 0));
    for (const float bad : {kNan, kInfinity, -kInfinity}) {
        CAPTURE(bad);
        CHECK_FALSE(is_valid({bad, {}}, 0));
        CHECK_FALSE(is_valid({1, {0, bad}}, 2));
    }
}

TEST_CASE("each monitor says how many values its state has", "[monitor_kind]") {
    CHECK(state_values(MonitorKind::norm, kShape, 100) == 0);
    CHECK(state_values(MonitorKind::linear, kShape, 100) == 1);
    CHECK(state_values(MonitorKind::sketch, kShape, 100) == 12);
    CHECK(state_values(MonitorKind::exact, kShape, 100) == 100);
    CHECK(state_values(MonitorKind::every_step, kShape, 100) == 0);
}

TEST_CASE("a monitor's number and name are what peers know it by", "[monitor_kind]") {
    constexpr std::array<std::pair<int, std::string_view>, 9> kKnown{{{1, "norm"},
                                                                      {2, "linear"},
                                                                      {3, "sketch"},
                                                                      {4, "exact"},
                                                                      {5, "every-step"},
                                                                      {6, "local"},
                                                                      {7, "interval"},
                                                                      {8, "cascade"},
                                                                      {9, "local-balanced"}}};
    for (const auto& [number, name] : kKnown) {
        CAPTURE(number, name);
        const auto kind = static_cast<MonitorKind>(number);
        CHECK(name_of(kind) == name);
        CHECK(monitor_from_name(name) == kind);
    }
    CHECK_FALSE(monitor_from_name("Linear"));
    CHECK_FALSE(monitor_from_name(""));
}

TEST_CASE("every row of the table of monitors is whole", "[monitor_kind]") {
    std::set<MonitorKind> kinds;
    std::set<std::string_view> names;
    for (const MonitorTraits& traits : all_monitors()) {
        CAPTURE(traits.name);
        CHECK(kinds.insert(traits.kind).second);
        CHECK(names.insert(traits.name).second);
        CHECK(&traits_of(traits.kind) == &traits);
        REQUIRE(traits.values != nullptr);
        REQUIRE(traits.tell != nullptr);
        REQUIRE(traits.bound != nullptr);
        CHECK((traits.brief_values.value_or(0) == 0 ||
               *traits.brief_values < traits.values(kShape, 100)));
        CHECK(traits.is_model_sized == (traits.values(kShape, 101) != traits.values(kShape, 100)));
        CHECK((!traits.balances || traits.trigger == Trigger::own_drift));
    }
}

TEST_CASE("the monitor says what calls a round, and whether it needs the states of others",
          "[monitor_kind]") {
    CHECK(needs_states(MonitorKind::linear));
    CHECK(has_condition(MonitorKind::linear));
    for (const MonitorKind kind : {MonitorKind::local, MonitorKind::local_balanced}) {
        CHECK_FALSE(needs_states(kind));
        CHECK(has_condition(kind));
    }
    for (const MonitorKind kind : {MonitorKind::every_step, MonitorKind::interval}) {
        CHECK_FALSE(needs_states(kind));
        CHECK_FALSE(has_condition(kind));
    }
}

TEST_CASE("a cascade's brief state is its first value; other states have one form",
          "[monitor_kind]") {
    const LocalState whole{3, {1, 2, 3}};
    const LocalState first = brief(MonitorKind::cascade, whole);
    CHECK(first == LocalState{3, {1}});
    CHECK(is_brief(MonitorKind::cascade, first));
    CHECK_FALSE(is_brief(MonitorKind::cascade, whole));
    CHECK(brief(MonitorKind::sketch, whole) == whole);
    CHECK_FALSE(is_brief(MonitorKind::linear, {3, {1}}));
}

}  // namespace dynavg::protocol
