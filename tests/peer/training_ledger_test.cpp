#include "peer/training_ledger.hpp"

#include <cmath>
#include <limits>

#include "tests/catch.hpp"
#include "tests/daemon/threads/fake_learner.hpp"

using namespace dynavg;
using namespace dynavg::peer;
using protocol::Epoch;
using protocol::Spent;

namespace {

constexpr float kInfinite = std::numeric_limits<float>::infinity();

protocol::ReferencePointer initial_reference() {
    return protocol::make_initial_reference({.parameters = 4}, {0, 0, 0, 0}, 1, 1);
}

/// Each step of the fake learner adds one to each of four parameters.
struct Bench {
    explicit Bench(TrainingLedgerOptions options = {})
        : learner(initial_reference()), ledger(learner, with_reference(std::move(options))) {}

    TrainingLedgerOptions with_reference(TrainingLedgerOptions options) {
        options.start.reference = first;
        const auto drift = static_cast<float>(options.start.steps_since_reference);
        (void)learner.restore(first, std::vector<float>(4, drift), {}, options.start.steps);
        return options;
    }
    void step(float update = 1) {
        learner.update = update;
        ledger.finish_step();
    }
    void steps(int count) {
        for (int i = 0; i < count; ++i) step();
    }
    FreezeResult freeze(std::uint32_t target) {
        return ledger.freeze(Epoch(target), ledger.room());
    }
    /// The next reference, with this mean.
    void install(float mean, Spent spent) {
        const protocol::Reference& now = *ledger.reference();
        ledger.install(
            {make_next_reference(now, now.epoch.next(), std::vector<float>(4, mean)), spent});
    }
    TrainingCopy copy() const { return ledger.copy(std::vector<float>(4)); }

    const protocol::ReferencePointer first = initial_reference();
    daemon::FakeLearner learner;
    TrainingLedger ledger;
};

/// Ten steps of an earlier life are in the model, six of which it has given to epoch 1.
TrainingLedgerOptions restarted() {
    auto six = std::make_shared<protocol::Contribution>();
    six->target = Epoch(1);
    six->facts = {6, 1, 4 * 36};
    six->values.assign(4, 6);
    TrainingLedgerOptions options;
    options.start.steps = 110;
    options.start.steps_since_reference = 10;
    options.start.given = six;
    return options;
}

}  // namespace

TEST_CASE("a report counts all steps and those since the reference", "[training_ledger]") {
    Bench bench;
    bench.steps(3);
    const protocol::StepReport report = bench.ledger.report();
    CHECK(report.reference == bench.first->id);
    CHECK(report.steps == 3);
    CHECK(report.steps_since_reference == 3);
    CHECK_FALSE(report.done);
    REQUIRE(report.state);
    CHECK(report.state->squared_norm == 4 * 9);
}

TEST_CASE("a state is due at every check and after the last step, never without a step",
          "[training_ledger]") {
    Bench bench({.start = {}, .max_steps = 12, .check_every = 5});
    CHECK_FALSE(bench.ledger.is_state_due());
    CHECK_FALSE(bench.ledger.report().state);
    std::vector<std::uint64_t> due;
    for (std::uint64_t step = 1; step <= 12; ++step) {
        bench.step();
        if (bench.ledger.is_state_due()) due.push_back(step);
        CHECK(bench.ledger.report().state.has_value() == bench.ledger.is_state_due());
    }
    CHECK(due == std::vector<std::uint64_t>{5, 10, 12});
    CHECK(bench.ledger.report().done);
    bench.ledger.set_max_steps(13);
    CHECK_FALSE(bench.ledger.report().done);
}

TEST_CASE("an install takes out what is spent and keeps the rest", "[training_ledger]") {
    Bench bench;
    bench.steps(3);
    const auto frozen = bench.freeze(1).contribution;
    REQUIRE(frozen);
    CHECK(frozen->target == Epoch(1));
    CHECK(frozen->facts == protocol::ContributionFacts{3, 1, 36});
    bench.steps(2);
    CHECK(bench.copy().frozen == frozen);
    bench.install(100, Spent::frozen);
    CHECK(bench.learner.value() == 102);
    CHECK(bench.ledger.steps_since_reference() == 2);
    CHECK(bench.copy().frozen == nullptr);
    bench.install(200, Spent::nothing);
    CHECK(bench.learner.value() == 202);
    CHECK(bench.ledger.steps_since_reference() == 2);
    CHECK(bench.ledger.steps() == 5);
}

TEST_CASE("a part frozen for a round without this peer stays in the drift", "[training_ledger]") {
    Bench bench;
    bench.steps(3);
    REQUIRE(bench.freeze(1).contribution);
    bench.install(100, Spent::nothing);
    CHECK(bench.learner.value() == 103);
    CHECK(bench.ledger.steps_since_reference() == 3);
}

TEST_CASE("nothing is frozen for a target that is past", "[training_ledger]") {
    Bench bench;
    bench.install(1, Spent::nothing);
    const FreezeResult past = bench.freeze(1);
    CHECK(past.contribution == nullptr);
    CHECK_FALSE(past.must_drop);
    CHECK(bench.freeze(2).contribution != nullptr);
}

TEST_CASE("a contribution without steps in its drift has no weight", "[training_ledger]") {
    Bench bench({.start = {}, .weight = 7});
    CHECK(bench.freeze(1).contribution->facts == protocol::ContributionFacts{0, 0, 0});
    bench.step();
    CHECK(bench.freeze(1).contribution->facts.weight == 7);
    bench.step(kInfinite);
    (void)bench.ledger.report();
    CHECK(bench.freeze(1).contribution->facts == protocol::ContributionFacts{2, 0, 0});
}

TEST_CASE("a drift that is not finite is dropped before a state tells of it", "[training_ledger]") {
    Bench bench({.start = {}, .check_every = 2});
    bench.step();
    bench.step(kInfinite);
    const protocol::StepReport report = bench.ledger.report();
    REQUIRE(report.state);
    CHECK(report.state->squared_norm == 0);
    CHECK(report.steps_since_reference == 2);
    CHECK(bench.ledger.take_dropped() == 2U);
    CHECK_FALSE(bench.ledger.take_dropped());
    bench.step();
    CHECK(bench.learner.value() == 1);
    bench.ledger.drop_if_not_finite();
    CHECK(bench.learner.value() == 1);
}

TEST_CASE("a drift that is not finite is not frozen but dropped first", "[training_ledger]") {
    Bench bench({.start = {}, .check_every = 100});
    bench.steps(2);
    bench.step(kInfinite);
    const FreezeResult refused = bench.freeze(1);
    CHECK(refused.must_drop);
    CHECK(refused.contribution == nullptr);
    CHECK(bench.copy().frozen == nullptr);
    bench.ledger.drop_if_not_finite();
    CHECK(bench.ledger.take_dropped() == 3U);
    const auto frozen = bench.freeze(1).contribution;
    REQUIRE(frozen);
    CHECK(frozen->values == std::vector<float>(4, 0));
}

TEST_CASE("a part frozen before a drop does not leave the model a second time",
          "[training_ledger]") {
    Bench bench;
    bench.steps(2);
    const auto frozen = bench.freeze(1).contribution;
    bench.step(kInfinite);
    (void)bench.ledger.report();
    bench.step();
    // The contribution itself stays what it is: it is in the hands of others.
    CHECK(frozen->values == std::vector<float>(4, 2));
    bench.install(100, Spent::frozen);
    CHECK(bench.learner.value() == 101);
    CHECK(bench.ledger.steps_since_reference() == 2);
}

TEST_CASE("a checkpoint after a drop names what was frozen as an empty part", "[training_ledger]") {
    Bench bench;
    bench.steps(2);
    REQUIRE(bench.freeze(1).contribution);
    bench.step(kInfinite);
    (void)bench.ledger.report();
    bench.step();
    const TrainingCopy copy = bench.copy();
    CHECK(copy.values == std::vector<float>(4, 1));
    CHECK(copy.steps == 4);
    CHECK(copy.steps_since_reference == 4);
    REQUIRE(copy.frozen != nullptr);
    CHECK(copy.frozen->target == Epoch(1));
    CHECK(copy.frozen->values == bench.first->values);
}

TEST_CASE("a freeze after a drop is of the model as it stands again", "[training_ledger]") {
    Bench bench;
    bench.steps(2);
    REQUIRE(bench.freeze(1).contribution);
    bench.step(kInfinite);
    (void)bench.ledger.report();
    bench.step();
    const auto frozen = bench.freeze(2).contribution;
    CHECK(frozen->values == std::vector<float>(4, 1));
    CHECK(bench.copy().frozen == frozen);
    bench.install(100, Spent::frozen);
    CHECK(bench.learner.value() == 100);
}

TEST_CASE("training goes on from the counts of an earlier life", "[training_ledger]") {
    const TrainingLedgerOptions options = restarted();
    Bench bench(options);
    const protocol::StepReport report = bench.ledger.report();
    CHECK(report.steps == 110);
    CHECK(report.steps_since_reference == 10);
    REQUIRE(report.state);
    CHECK(report.state->squared_norm == 4 * 100);
    CHECK(bench.copy().frozen == options.start.given);
}

TEST_CASE("a part that an earlier life gave leaves the model, whichever life the round held",
          "[training_ledger]") {
    for (const Spent spent : {Spent::frozen, Spent::given}) {
        const TrainingLedgerOptions options = restarted();
        Bench bench(options);
        bench.steps(2);
        CHECK(bench.freeze(1).contribution == options.start.given);
        CHECK(bench.copy().frozen == options.start.given);
        bench.install(100, spent);
        CHECK(bench.learner.value() == 106);
        CHECK(bench.ledger.steps_since_reference() == 6);
    }
}

TEST_CASE("for another target than the earlier life's a life freezes anew", "[training_ledger]") {
    Bench bench(restarted());
    const auto frozen = bench.freeze(2).contribution;
    REQUIRE(frozen);
    CHECK(frozen->values == std::vector<float>(4, 10));
    CHECK(frozen->facts.steps == 10);
    CHECK(bench.copy().frozen == frozen);
}

TEST_CASE("a restarted life drops a drift that is not finite before it gives again",
          "[training_ledger]") {
    TrainingLedgerOptions options = restarted();
    options.check_every = 100;
    Bench bench(options);
    bench.step(kInfinite);
    CHECK(bench.freeze(1).must_drop);
    bench.ledger.drop_if_not_finite();
    CHECK(bench.ledger.take_dropped() == 11U);
    // It is in the hands of others, and what they may hold of this peer stays one thing.
    CHECK(bench.freeze(1).contribution == options.start.given);
}

TEST_CASE("a part that an earlier life gave does not leave a model that has dropped it",
          "[training_ledger]") {
    for (const Spent spent : {Spent::frozen, Spent::given}) {
        for (const bool freezes : {true, false}) {
            if (spent == Spent::frozen && !freezes) continue;
            Bench bench(restarted());
            bench.step(kInfinite);
            (void)bench.ledger.report();
            if (freezes) REQUIRE(bench.freeze(1).contribution);
            bench.steps(2);
            REQUIRE(bench.copy().frozen != nullptr);
            CHECK(bench.copy().frozen->target == Epoch(1));
            CHECK(bench.copy().frozen->values == bench.first->values);
            bench.install(100, spent);
            CHECK(bench.learner.value() == 102);
        }
    }
}

TEST_CASE("a model that others have averaged holds their steps", "[training_ledger]") {
    Bench bench;
    bench.step(kInfinite);
    (void)bench.ledger.report();
    CHECK(bench.freeze(1).contribution->facts.weight == 0);
    bench.ledger.set_model(std::vector<float>(4, 5));
    CHECK(bench.freeze(1).contribution->facts.weight == 1);
    CHECK(bench.learner.value() == 5);
}
