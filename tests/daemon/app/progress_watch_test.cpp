#include "daemon/app/progress_watch.hpp"

#include "daemon/threads/step_clock.hpp"
#include "tests/catch.hpp"

using namespace dynavg::daemon;
using namespace std::chrono_literals;
using dynavg::protocol::Duration;
using dynavg::protocol::Instant;

namespace {

/// A watch that looks every second at a trainer.
struct Watched {
    /// False once it is stuck within this time.
    bool endures(Duration time) {
        for (Duration passed{}; passed < time; passed += ProgressWatch::kLookInterval) {
            now += ProgressWatch::kLookInterval;
            watch.look(pulse, now);
            if (watch.is_stuck()) return false;
        }
        return true;
    }
    void finish_step(Duration took) {
        pulse.progress += 1;
        pulse.slowest_step = std::max(pulse.slowest_step, took);
        watch.look(pulse, now);
    }

    Instant now{1h};
    TrainerPulse pulse{.progress = 0, .has_work = true};
    ProgressWatch watch;
};

}  // namespace

TEST_CASE("a trainer with work that finishes nothing is stuck after the least bound",
          "[progress_watch]") {
    Watched trainer;
    trainer.finish_step(2ms);
    CHECK(trainer.endures(30s));
    CHECK_FALSE(trainer.endures(2s));
    CHECK(trainer.watch.silence() > trainer.watch.bound());
    trainer.finish_step(2ms);
    CHECK_FALSE(trainer.watch.is_stuck());
    CHECK(trainer.endures(30s));
}

TEST_CASE("a long step is no hang where steps are long", "[progress_watch]") {
    Watched trainer;
    trainer.finish_step(10s);
    CHECK(trainer.watch.bound() == 200s);
    CHECK(trainer.endures(200s));
    CHECK_FALSE(trainer.endures(2s));
}

TEST_CASE("the first step gets more time, as nothing is known of it", "[progress_watch]") {
    Watched trainer;
    CHECK(trainer.endures(15min));
    CHECK_FALSE(trainer.endures(2s));
}

TEST_CASE("a trainer without work is never stuck, however long", "[progress_watch]") {
    Watched trainer;
    trainer.finish_step(2ms);
    CHECK(trainer.endures(20s));
    trainer.pulse.has_work = false;
    CHECK(trainer.endures(24h));
    // And the time without work is not held against it later.
    trainer.pulse.has_work = true;
    CHECK(trainer.endures(30s));
    CHECK_FALSE(trainer.endures(2s));
}

TEST_CASE("time in which the whole process stood still does not count", "[progress_watch]") {
    Watched trainer;
    trainer.finish_step(2ms);
    CHECK(trainer.endures(10s));
    trainer.now += 1h;
    CHECK(trainer.endures(15s));
    CHECK(trainer.watch.silence() <= 27s);
    CHECK_FALSE(trainer.endures(10s));
}

TEST_CASE("the slowest step is remembered for some thousands of others", "[step_clock]") {
    StepClock clock;
    CHECK(clock.slowest() == Duration::zero());
    clock.on_step(100ms, Instant(1s));
    clock.on_step(8s, Instant(10s));
    clock.on_step(100ms, Instant(11s));
    CHECK(clock.slowest() > 7900ms);
    for (int i = 0; i < 1000; ++i) clock.on_step(100ms, Instant(12s));
    CHECK(clock.slowest() > 2s);
    for (int i = 0; i < 4000; ++i) clock.on_step(100ms, Instant(12s));
    CHECK(clock.slowest() == 100ms);
}
