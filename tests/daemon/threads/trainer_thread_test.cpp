#include "daemon/threads/trainer_thread.hpp"

#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <semaphore>
#include <string>
#include <thread>
#include <vector>

#include "protocol/core/node_core.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"
#include "tests/daemon/threads/fake_learner.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using protocol::Epoch;
using protocol::StepReport;

namespace {

protocol::ReferencePointer initial_reference() {
    return protocol::make_initial_reference({.parameters = 4}, {0, 0, 0, 0}, 1, 1);
}

protocol::ReferencePointer next_reference(const protocol::Reference& previous, float mean) {
    return protocol::make_next_reference(previous, previous.epoch.next(),
                                         std::vector<float>(4, mean));
}

/// A trainer on a fake learner, and everything that it has reported.
struct Bench {
    explicit Bench(TrainerThreadOptions options = {}) : learner(initial_reference()) {
        options.start.reference = first;
        trainer.emplace(
            loop.io, learner, options,
            TrainerThreadHandlers{
                .on_report = [this](const StepReport& report) { on_report(report); },
                .on_diverged = [this](std::uint64_t count) { lost.push_back(count); },
                .on_error = [this](Error error) { errors.push_back(std::move(error.message)); },
            });
    }
    void on_report(const StepReport& report) {
        const bool moved = std::exchange(last_reference, report.reference) != report.reference;
        (moved ? installs : steps).push_back(report);
        if (!moved && on_step) on_step(report);
    }
    [[nodiscard]] bool wait_for_steps(std::uint64_t total) {
        return loop.run_until([&] { return !steps.empty() && steps.back().steps >= total; });
    }
    /// The first is the one from the start.
    [[nodiscard]] bool wait_for_installs(std::size_t count) {
        return loop.run_until([&] { return installs.size() == count + 1; });
    }

    TestLoop loop;
    const protocol::ReferencePointer first = initial_reference();
    FakeLearner learner;
    protocol::ReferenceId last_reference;
    std::vector<StepReport> steps;
    std::vector<StepReport> installs;  ///< The first report under each reference.
    std::vector<std::uint64_t> lost;
    std::vector<std::string> errors;
    std::function<void(const StepReport&)> on_step;
    std::optional<TrainerThread> trainer;
};

/// Holds the trainer inside compute_gradient().
struct Gate {
    std::counting_semaphore<> entered{0};
    std::counting_semaphore<> leave{0};
    [[nodiscard]] std::function<void()> hook() {
        return [this] {
            entered.release();
            leave.acquire();
        };
    }
};

}  // namespace

TEST_CASE("no step is made without a permit, and none beyond it", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    REQUIRE(bench.wait_for_installs(0));
    CHECK(bench.installs[0].steps == 0);
    CHECK(bench.installs[0].reference == bench.first->id);
    bench.trainer->allow_until(7);
    REQUIRE(bench.wait_for_steps(7));
    REQUIRE(bench.loop.run_until([&] { return bench.trainer->status().waiting; }));
    CHECK(bench.trainer->status().steps == 7);
    CHECK(bench.steps.back().steps_since_reference == 7);
    CHECK(bench.steps.back().state->squared_norm == 4 * 49);
    bench.trainer->stop();
    CHECK(bench.learner.value() == 7);
}

TEST_CASE("in lockstep every state is reported once", "[trainer_thread]") {
    constexpr std::uint64_t kSteps = 2000;
    Bench bench;
    bench.on_step = [&](const StepReport& report) { bench.trainer->allow_until(report.steps + 1); };
    bench.trainer->start();
    bench.trainer->allow_until(1);
    REQUIRE(bench.wait_for_steps(kSteps));
    bench.trainer->stop();
    for (std::size_t i = 0; i < kSteps; ++i) REQUIRE(bench.steps[i].steps == i + 1);
}

TEST_CASE("in free pace only the latest of waiting reports is kept", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    bench.trainer->allow_until(1000);
    while (bench.trainer->status().steps < 1000 || !bench.trainer->status().waiting) {
        std::this_thread::yield();
    }
    bench.loop.run_ready();
    REQUIRE(bench.steps.size() == 1);
    CHECK(bench.steps[0].steps == 1000);
}

TEST_CASE("a state is made only when a check is due, and at the end", "[trainer_thread]") {
    Bench bench({.start = {}, .max_steps = 12, .check_every = 5});
    bench.on_step = [&](const StepReport& report) { bench.trainer->allow_until(report.steps + 5); };
    bench.trainer->start();
    bench.trainer->allow_until(5);
    REQUIRE(bench.wait_for_steps(12));
    std::vector<std::uint64_t> at;
    for (const auto& report : bench.steps) at.push_back(report.steps);
    CHECK(at == std::vector<std::uint64_t>{5, 10, 12});
    CHECK(bench.steps.back().done);
    CHECK_FALSE(bench.steps.front().done);
    CHECK(bench.trainer->status().done);
}

TEST_CASE("a trainer has work while it may step, and none without a permit or a step left",
          "[trainer_thread]") {
    std::binary_semaphore in_step(0);
    std::binary_semaphore go_on(0);
    TrainerThreadOptions options;
    options.max_steps = 2;
    Bench bench(options);
    bench.learner.on_compute = [&] {
        in_step.release();
        go_on.acquire();
    };
    bench.trainer->start();
    CHECK_FALSE(bench.trainer->pulse().has_work);
    CHECK(bench.trainer->pulse().slowest_step == protocol::Duration::zero());
    bench.trainer->allow_until(1);
    in_step.acquire();
    const TrainerPulse during = bench.trainer->pulse();
    CHECK(during.has_work);
    go_on.release();
    REQUIRE(bench.loop.run_until([&] { return bench.trainer->pulse().progress == 1; }));
    const TrainerPulse waiting = bench.trainer->pulse();
    CHECK(during.progress == 0);
    CHECK_FALSE(waiting.has_work);
    CHECK(waiting.slowest_step > protocol::Duration::zero());
    bench.trainer->allow_until(100);
    in_step.acquire();
    go_on.release();
    REQUIRE(bench.loop.run_until([&] { return bench.trainer->pulse().progress == 2; }));
    CHECK_FALSE(bench.trainer->pulse().has_work);
    bench.trainer->stop();
    CHECK_FALSE(bench.trainer->pulse().has_work);
}

TEST_CASE("an install comes before the permit that follows it", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    bench.trainer->allow_until(3);
    REQUIRE(bench.wait_for_steps(3));
    const auto next = next_reference(*bench.first, 100);
    bench.trainer->install({next, {}});
    bench.trainer->allow_until(4);
    REQUIRE(bench.loop.run_until([&] { return bench.trainer->status().steps == 4; }));
    // Nothing was spent: three steps of drift stay, the fourth comes on top.
    CHECK(bench.trainer->status().reference == next->id);
    CHECK(bench.trainer->status().steps_since_reference == 4);
    bench.trainer->stop();
    CHECK(bench.learner.value() == 104);
}

TEST_CASE("drift that is left is told under the new reference at once", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    bench.trainer->allow_until(3);
    REQUIRE(bench.wait_for_steps(3));
    bench.trainer->install({next_reference(*bench.first, 100), {}});
    REQUIRE(bench.wait_for_installs(1));
    CHECK(bench.installs[1].steps_since_reference == 3);
    REQUIRE(bench.installs[1].state);
    CHECK(bench.installs[1].state->squared_norm == 4 * 9);
}

TEST_CASE("a frozen part that was averaged in leaves the drift", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    bench.trainer->allow_until(3);
    REQUIRE(bench.wait_for_steps(3));
    const auto frozen = bench.trainer->freeze(Epoch(1));
    REQUIRE(frozen);
    CHECK(frozen->target == Epoch(1));
    CHECK(frozen->values == std::vector<float>(4, 3.0F));
    CHECK(frozen->facts == protocol::ContributionFacts{3, 1, 36});
    bench.trainer->allow_until(5);
    REQUIRE(bench.wait_for_steps(5));
    const auto next = next_reference(*bench.first, 100);
    bench.trainer->install({next, protocol::Spent::frozen});
    REQUIRE(bench.wait_for_installs(1));
    CHECK(bench.installs[1].steps_since_reference == 2);
    bench.trainer->stop();
    CHECK(bench.learner.value() == 102);
}

TEST_CASE("a contribution without steps has no weight", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    const auto frozen = bench.trainer->freeze(Epoch(1));
    REQUIRE(frozen);
    CHECK(frozen->facts == protocol::ContributionFacts{0, 0, 0});
}

TEST_CASE("a freeze does not wait for the pass in progress", "[trainer_thread]") {
    Bench bench;
    Gate gate;
    bench.learner.on_compute = gate.hook();
    bench.trainer->start();
    bench.trainer->allow_until(1);
    gate.entered.acquire();
    const auto frozen = bench.trainer->freeze(Epoch(1));
    REQUIRE(frozen);
    CHECK(frozen->facts.steps == 0);
    gate.leave.release();
    CHECK(bench.wait_for_steps(1));
}

TEST_CASE("a freeze waits for the install that was asked for before", "[trainer_thread]") {
    Bench bench;
    Gate gate;
    bench.learner.on_compute = gate.hook();
    bench.trainer->start();
    bench.trainer->allow_until(1);
    gate.entered.acquire();
    bench.trainer->install({next_reference(*bench.first, 100), {}});
    auto frozen = std::async(std::launch::async, [&] { return bench.trainer->freeze(Epoch(2)); });
    // It cannot be ready: the pass reads the parameters until the gate opens.
    CHECK(frozen.wait_for(std::chrono::milliseconds(20)) == std::future_status::timeout);
    gate.leave.release();
    const auto contribution = frozen.get();
    REQUIRE(contribution);
    CHECK(contribution->values == std::vector<float>(4, 101.0F));
    CHECK(contribution->facts.steps == 1);
}

TEST_CASE("a freeze for a target that is past brings nothing", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    bench.trainer->install({next_reference(*bench.first, 1), {}});
    CHECK(bench.trainer->freeze(Epoch(1)) == nullptr);
    CHECK(bench.trainer->freeze(Epoch(2)) != nullptr);
}

TEST_CASE("a drift that is not finite is dropped and reported", "[trainer_thread]") {
    Bench bench;
    bench.learner.on_compute = [&, step = 0]() mutable {
        bench.learner.update = ++step == 3 ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
    };
    bench.trainer->start();
    bench.trainer->allow_until(5);
    REQUIRE(bench.wait_for_steps(5));
    CHECK(bench.lost == std::vector<std::uint64_t>{3});
    CHECK(bench.steps.back().state->squared_norm == 4 * 4);
    // Lockstep counts on: others wait for the state of this step.
    CHECK(bench.steps.back().steps_since_reference == 5);
    bench.trainer->stop();
    CHECK(bench.learner.value() == 2);
}

TEST_CASE("a freeze drops a drift that is not finite first", "[trainer_thread]") {
    Bench bench({.start = {}, .check_every = 100});
    bench.learner.update = std::numeric_limits<float>::infinity();
    bench.trainer->start();
    bench.trainer->allow_until(3);
    REQUIRE(bench.loop.run_until([&] { return bench.trainer->status().steps == 3; }));
    const auto frozen = bench.trainer->freeze(Epoch(1));
    REQUIRE(frozen);
    CHECK(frozen->values == std::vector<float>(4, 0.0F));
    CHECK(frozen->facts.weight == 0);
    REQUIRE(bench.loop.run_until([&] { return bench.lost.size() == 1; }));
}

TEST_CASE("a drift dropped after a freeze is not taken out twice", "[trainer_thread]") {
    Bench bench;
    bench.learner.on_compute = [&, step = 0]() mutable {
        bench.learner.update = ++step == 3 ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
    };
    bench.trainer->start();
    bench.trainer->allow_until(2);
    REQUIRE(bench.wait_for_steps(2));
    REQUIRE(bench.trainer->freeze(Epoch(1)));
    bench.trainer->allow_until(4);
    REQUIRE(bench.wait_for_steps(4));
    bench.trainer->install({next_reference(*bench.first, 100), protocol::Spent::frozen});
    REQUIRE(bench.wait_for_installs(1));
    bench.trainer->stop();
    CHECK(bench.learner.value() == 101);
}

TEST_CASE("a stop ends waiting trainers and freezes, twice", "[trainer_thread]") {
    Bench bench;
    Gate gate;
    bench.learner.on_compute = gate.hook();
    bench.trainer->start();
    bench.trainer->allow_until(1);
    gate.entered.acquire();
    bench.trainer->install({next_reference(*bench.first, 100), {}});
    auto frozen = std::async(std::launch::async, [&] { return bench.trainer->freeze(Epoch(2)); });
    auto stopped = std::async(std::launch::async, [&] { bench.trainer->stop(); });
    CHECK(frozen.get() == nullptr);
    gate.leave.release();
    stopped.get();
    bench.trainer->stop();
    const auto reported = bench.steps.size();
    bench.loop.run_ready();
    CHECK(bench.steps.size() == reported);

    Bench waiting;
    waiting.trainer->start();
    waiting.trainer->stop();
    Bench never_started;
    never_started.trainer->stop();
    CHECK(never_started.trainer->freeze(Epoch(1)) == nullptr);
}

TEST_CASE("an exception of the learner is told once", "[trainer_thread]") {
    Bench bench;
    bench.learner.on_compute = [] { throw std::runtime_error("bad batch"); };
    bench.trainer->start();
    bench.trainer->allow_until(3);
    REQUIRE(bench.loop.run_until([&] { return !bench.errors.empty(); }));
    CHECK_THAT(bench.errors[0], Catch::Contains("bad batch"));
    CHECK(bench.trainer->freeze(Epoch(1)) == nullptr);
    bench.trainer->install({next_reference(*bench.first, 1), {}});
    bench.trainer->stop();
    bench.loop.run_ready();
    CHECK(bench.errors.size() == 1);
}

TEST_CASE("a copy is of one moment, and never waits for the pass in progress", "[trainer_thread]") {
    Bench bench;
    Gate gate;
    bench.trainer->start();
    bench.trainer->allow_until(3);
    REQUIRE(bench.wait_for_steps(3));
    bench.learner.on_compute = gate.hook();
    bench.trainer->allow_until(4);
    gate.entered.acquire();
    const TrainingCopy copy = bench.trainer->copy();
    CHECK(copy.reference == bench.first);
    CHECK(copy.values == std::vector<float>(4, 3.0F));
    CHECK(copy.steps == 3);
    CHECK(copy.steps_since_reference == 3);
    CHECK(copy.frozen == nullptr);
    CHECK(copy.optimizer == bench.learner.optimizer_state());
    const auto frozen = bench.trainer->freeze(Epoch(1));
    CHECK(bench.trainer->copy().frozen == frozen);
    gate.leave.release();
    bench.trainer->stop();
    CHECK(bench.trainer->copy().steps == 4);
}

TEST_CASE("a copy made after an install has nothing of what was frozen before",
          "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    REQUIRE(bench.trainer->freeze(Epoch(1)));
    const auto next = next_reference(*bench.first, 100);
    bench.trainer->install({next, protocol::Spent::frozen});
    REQUIRE(bench.wait_for_installs(1));
    CHECK(bench.trainer->copy().reference == next);
    CHECK(bench.trainer->copy().frozen == nullptr);
}

TEST_CASE("a frozen part that was then dropped is copied as empty", "[trainer_thread]") {
    Bench bench;
    bench.learner.on_compute = [&, step = 0]() mutable {
        bench.learner.update = ++step == 3 ? std::numeric_limits<float>::quiet_NaN() : 1.0F;
    };
    bench.trainer->start();
    bench.trainer->allow_until(2);
    REQUIRE(bench.wait_for_steps(2));
    REQUIRE(bench.trainer->freeze(Epoch(1)));
    bench.trainer->allow_until(4);
    REQUIRE(bench.wait_for_steps(4));
    const TrainingCopy copy = bench.trainer->copy();
    CHECK(copy.values == std::vector<float>(4, 1.0F));
    REQUIRE(copy.frozen != nullptr);
    CHECK(copy.frozen->target == Epoch(1));
    CHECK(copy.frozen->values == bench.first->values);
}

namespace {

/// Ten steps of an earlier life are in the model, six of which it has given to epoch 1.
struct RestartedBench : Bench {
    explicit RestartedBench(const protocol::ContributionPointer& six = six_steps())
        : Bench({.start =
                     {.reference = {}, .steps = 110, .steps_since_reference = 10, .given = six}}),
          given(six) {
        (void)learner.restore(first, std::vector<float>(4, 10), {}, 110);
        trainer->start();
    }
    static protocol::ContributionPointer six_steps() {
        auto six = std::make_shared<protocol::Contribution>();
        six->target = Epoch(1);
        six->facts = {6, 1, 4 * 36};
        six->values.assign(4, 6);
        return six;
    }
    const protocol::ContributionPointer given;
};

}  // namespace

TEST_CASE("after a restart training goes on from the steps and the drift of before",
          "[trainer_thread]") {
    RestartedBench bench;
    REQUIRE(bench.wait_for_installs(0));
    CHECK(bench.installs[0].steps == 110);
    CHECK(bench.installs[0].steps_since_reference == 10);
    REQUIRE(bench.installs[0].state);
    CHECK(bench.installs[0].state->squared_norm == 4 * 100);
    CHECK(bench.trainer->copy().frozen == bench.given);
    bench.trainer->allow_until(112);
    REQUIRE(bench.wait_for_steps(112));
    CHECK(bench.steps.back().steps_since_reference == 12);
}

TEST_CASE("a freeze gives again what an earlier life gave for its target", "[trainer_thread]") {
    for (const protocol::Spent spent : {protocol::Spent::frozen, protocol::Spent::given}) {
        RestartedBench bench;
        bench.trainer->allow_until(112);
        REQUIRE(bench.wait_for_steps(112));
        CHECK(bench.trainer->freeze(Epoch(1)) == bench.given);
        CHECK(bench.trainer->copy().frozen == bench.given);
        bench.trainer->install({next_reference(*bench.first, 100), spent});
        REQUIRE(bench.wait_for_installs(1));
        CHECK(bench.installs[1].steps_since_reference == 6);
        bench.trainer->stop();
        CHECK(bench.learner.value() == 106);
    }
}

TEST_CASE("another target is frozen anew after a restart", "[trainer_thread]") {
    RestartedBench bench;
    const auto frozen = bench.trainer->freeze(Epoch(2));
    REQUIRE(frozen);
    CHECK(frozen->values == std::vector<float>(4, 10.0F));
    CHECK(frozen->facts.steps == 10);
    CHECK(bench.trainer->copy().frozen == frozen);
}

TEST_CASE("a training thread at full speed lets itself be frozen", "[trainer_thread]") {
    Bench bench;
    bench.trainer->start();
    bench.trainer->allow_until(kNoStepLimit);
    std::uint64_t last = 0;
    for (int i = 0; i < 200; ++i) {
        const auto frozen = bench.trainer->freeze(Epoch(1));
        REQUIRE(frozen);
        REQUIRE(frozen->values == std::vector<float>(4, static_cast<float>(frozen->facts.steps)));
        REQUIRE(frozen->facts.steps >= last);
        last = frozen->facts.steps;
        bench.loop.run_ready();
    }
}
