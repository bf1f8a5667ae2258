#include "simulation/task_pool.hpp"

#include <atomic>
#include <chrono>
#include <latch>
#include <memory>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/catch.hpp"
#include "tests/ends_within.hpp"

using dynavg::simulation::TaskPool;

TEST_CASE("every task is done once, with any number of threads", "[task_pool]") {
    for (const std::size_t threads : {0U, 1U, 2U, 5U}) {
        std::vector<int> done(100);
        TaskPool pool(threads);
        std::vector<TaskPool::TaskPointer> tasks;
        for (int& times : done) tasks.push_back(pool.start([&times] { ++times; }));
        // In another order than they were started in.
        for (std::size_t i = tasks.size(); i-- > 0;) pool.finish(tasks[i]);
        CHECK(done == std::vector<int>(100, 1));
    }
}

TEST_CASE("tasks run side by side", "[task_pool]") {
    CHECK(dynavg::test::ends_within(std::chrono::seconds(30), [] {
        TaskPool pool(2);
        // Neither ends before the other has begun.
        std::latch both(2);
        const auto first = pool.start([&both] { both.arrive_and_wait(); });
        const auto second = pool.start([&both] { both.arrive_and_wait(); });
        pool.finish(first);
        pool.finish(second);
    }));
}

TEST_CASE("an exception of a task comes out where the task is awaited", "[task_pool]") {
    TaskPool pool(2);
    std::atomic<int> done{0};
    const auto bad = pool.start([] { throw std::runtime_error("no memory"); });
    const auto good = pool.start([&done] { ++done; });
    CHECK_THROWS_WITH(pool.finish(bad), "no memory");
    pool.finish(good);
    CHECK(done == 1);
}

TEST_CASE("a pool ends with tasks that nobody awaits, and leaves none running", "[task_pool]") {
    struct Counts {
        std::atomic<int> begun{0};
        std::atomic<int> ended{0};
    };
    const auto counts = std::make_shared<Counts>();
    REQUIRE(dynavg::test::ends_within(std::chrono::seconds(30), [counts] {
        TaskPool pool(3);
        for (int i = 0; i < 1000; ++i) {
            static_cast<void>(pool.start([counts] {
                ++counts->begun;
                // Long enough that the pool nearly always ends in the midst of a task.
                for (int turn = 0; turn < 100; ++turn) std::this_thread::yield();
                ++counts->ended;
            }));
        }
        while (counts->begun == 0) std::this_thread::yield();
    }));
    CHECK(counts->begun == counts->ended);
}
