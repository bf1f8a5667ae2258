#include "simulation/peer/toy_learner.hpp"

#include "tests/catch.hpp"

namespace dynavg::simulation {

using protocol::MonitorKind;

namespace {

protocol::ReferencePointer initial_reference(bool has_direction = false) {
    return protocol::make_initial_reference({3, 0, has_direction}, {0, 10, 0}, 1, 1);
}

}  // namespace

TEST_CASE("each step of the toy model adds one to its peer's coordinate", "[toy_learner]") {
    ToyLearner learner(1, MonitorKind::norm, initial_reference());
    for (int i = 0; i < 4; ++i) {
        learner.compute_gradient();
        learner.apply_update();
    }
    CHECK(learner.values() == std::vector<float>{0, 14, 0});
    std::vector<float> copy(3);
    learner.copy_contribution(copy);
    CHECK(copy == learner.values());
    learner.reset_to_reference();
    CHECK(learner.values() == std::vector<float>{0, 10, 0});
}

TEST_CASE("the toy model tells its drift as each monitor asks", "[toy_learner]") {
    const auto state_after_three = [](MonitorKind kind, const protocol::ReferencePointer& from) {
        ToyLearner learner(2, kind, from);
        for (int i = 0; i < 3; ++i) learner.apply_update();
        return learner.local_state();
    };
    const protocol::LocalState norm = state_after_three(MonitorKind::norm, initial_reference());
    CHECK(norm.squared_norm == Approx(9));
    CHECK(norm.squared_norm > 9);  // Rounded up, so that H stays a bound.
    CHECK(norm.values.empty());
    const auto reference = initial_reference(true);
    const protocol::LocalState linear = state_after_three(MonitorKind::linear, reference);
    REQUIRE(linear.values.size() == 1);
    CHECK(linear.values[0] == Approx(3 * reference->direction[2]));
    const protocol::LocalState exact = state_after_three(MonitorKind::exact, initial_reference());
    CHECK(exact.values == std::vector<float>{0, 0, 3});
    ToyLearner still(0, MonitorKind::norm, initial_reference());
    CHECK(still.local_state() == protocol::LocalState{});
}

TEST_CASE("an install of the toy model keeps the steps that are not in its base", "[toy_learner]") {
    const auto initial = initial_reference();
    ToyLearner learner(0, MonitorKind::norm, initial);
    learner.apply_update();
    learner.apply_update();
    std::vector<float> frozen(3);
    learner.copy_contribution(frozen);
    learner.apply_update();
    const auto next = make_next_reference(*initial, protocol::Epoch(1), {5, 20, 7});
    learner.install(next, frozen);
    CHECK(learner.values() == std::vector<float>{6, 20, 7});
    CHECK(learner.local_state().squared_norm == Approx(1));
    // Unspent: the previous reference is the base.
    const auto later = make_next_reference(*next, protocol::Epoch(2), {50, 21, 8});
    learner.install(later, next->values);
    CHECK(learner.values() == std::vector<float>{51, 21, 8});
}

}  // namespace dynavg::simulation
