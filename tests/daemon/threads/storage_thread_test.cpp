#include "daemon/threads/storage_thread.hpp"

#include <algorithm>
#include <future>
#include <optional>
#include <semaphore>

#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"
#include "tests/daemon/threads/locked_disk.hpp"
#include "tests/storage/samples.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using namespace dynavg::storage;
using Catch::Matchers::Contains;

namespace {

struct Bench {
    explicit Bench(std::shared_ptr<LockedDisk> on = std::make_shared<LockedDisk>())
        : disk(std::move(on)) {
        StorageThreadHandlers handlers;
        handlers.on_promise_written = [this](const protocol::Promise& promise) {
            promises.push_back(promise.attempt.value());
        };
        handlers.on_prepared_written = [this](const protocol::Prepared& one) {
            prepared.push_back(one.digest);
        };
        handlers.on_event = [this](protocol::Event event) { events.push_back(std::move(event)); };
        handlers.on_error = [this](Error error) { errors.push_back(std::move(error.message)); };
        thread.emplace(loop.io, StorageThreadOptions{disk, kShape, kNetwork}, std::move(handlers));
        found = thread->load();
        thread->start();
    }

    /// The first event of this name; fails the test if none comes.
    const protocol::Event& wait_for(std::string_view name, std::size_t number = 0) {
        const auto at = [&] {
            std::size_t left = number;
            return std::find_if(events.begin(), events.end(), [&](const protocol::Event& event) {
                return event.name == name && left-- == 0;
            });
        };
        REQUIRE(loop.run_until([&] { return at() != events.end(); }));
        return *at();
    }

    TestLoop loop;
    std::shared_ptr<LockedDisk> disk;
    std::vector<std::uint32_t> promises;
    std::vector<protocol::Digest> prepared;
    std::vector<protocol::Event> events;
    std::vector<std::string> errors;
    Found found;
    std::optional<StorageThread> thread;
};

/// Holds the storage thread inside a copy, so that orders wait.
struct Gate {
    std::binary_semaphore entered{0};
    std::binary_semaphore leave{0};
    CopyTraining copy(std::uint64_t steps) {
        return [this, steps] {
            entered.release();
            leave.acquire();
            return local_of(steps);
        };
    }
};

CopyTraining copy_of(std::uint64_t steps) {
    return [steps] { return local_of(steps); };
}

std::size_t place_of(const std::vector<std::string>& changes, const std::string& change) {
    return static_cast<std::size_t>(std::find(changes.begin(), changes.end(), change) -
                                    changes.begin());
}

}  // namespace

TEST_CASE("a write is reported and is there for the next life", "[storage_thread]") {
    Bench bench;
    bench.thread->write(peer::Commit{reference_of(1), history_to(1)});
    bench.thread->write(promise_of(2, 5));
    bench.thread->write(prepared_of(reference_of(2)));
    bench.thread->write(copy_of(70));
    REQUIRE(bench.loop.run_until([&] { return bench.events.size() == 4; }));
    CHECK(bench.promises == std::vector<std::uint32_t>{5});
    CHECK(bench.prepared == std::vector{reference_of(2)->id.digest});
    for (const protocol::Event& event : bench.events) {
        CHECK(event.name == "checkpoint_written");
        CHECK(event.level == protocol::Level::debug);
        CHECK(std::get<std::string>(*event.find("path")).starts_with("disk/"));
    }
    CHECK(bench.thread->finish({}).empty());
    const Bench next(bench.disk);
    CHECK(next.found.promise == promise_of(2, 5));
    CHECK(next.found.reference->id == reference_of(1)->id);
    CHECK(next.found.prepared->value->id == reference_of(2)->id);
    CHECK(next.found.local->steps == 70);
}

TEST_CASE("of waiting writes the reference goes first and training last, the newest of each kind",
          "[storage_thread]") {
    Bench bench;
    Gate gate;
    bench.thread->write(gate.copy(1));
    gate.entered.acquire();
    bench.thread->write(copy_of(2));
    bench.thread->write(prepared_of(reference_of(2)));
    bench.thread->write(prepared_of(reference_of(3)));
    bench.thread->write(promise_of(2, 1));
    bench.thread->write(promise_of(3, 2));
    bench.thread->write(peer::Commit{reference_of(1), history_to(1)});
    bench.thread->write(peer::Commit{reference_of(2), history_to(2)});
    gate.leave.release();
    REQUIRE(bench.loop.run_until([&] { return bench.events.size() == 4; }));
    CHECK(bench.promises == std::vector<std::uint32_t>{2});
    CHECK(bench.prepared == std::vector{reference_of(3)->id.digest});
    const auto changes = bench.disk->changes();
    CHECK(place_of(changes, "write reference-2") < place_of(changes, "overwrite promise"));
    CHECK(place_of(changes, "overwrite promise") < place_of(changes, "write prepared"));
    CHECK(place_of(changes, "write prepared") < place_of(changes, "write local-1"));
    // The copy that was taken first was taken before the one that was asked for later.
    CHECK(Bench(bench.disk).found.local->steps == 2);
    CHECK(std::count(changes.begin(), changes.end(), "write reference-1") == 0);
}

TEST_CASE("a copy goes to disk after a reference that was installed while it was taken",
          "[storage_thread]") {
    Bench bench;
    Gate gate;
    bench.thread->write(gate.copy(1));
    gate.entered.acquire();
    bench.thread->write(peer::Commit{reference_of(1), history_to(1)});
    gate.leave.release();
    REQUIRE(bench.loop.run_until([&] { return bench.events.size() == 2; }));
    const auto changes = bench.disk->changes();
    CHECK(place_of(changes, "write reference-1") < place_of(changes, "write local-1"));
}

TEST_CASE("a value that is behind the reference is not written any more", "[storage_thread]") {
    Bench bench;
    Gate gate;
    bench.thread->write(gate.copy(1));
    gate.entered.acquire();
    bench.thread->write(prepared_of(reference_of(1)));
    bench.thread->write(peer::Commit{reference_of(1), history_to(1)});
    gate.leave.release();
    REQUIRE(bench.loop.run_until([&] { return bench.events.size() == 2; }));
    CHECK(bench.prepared.empty());
    const auto changes = bench.disk->changes();
    CHECK(std::count(changes.begin(), changes.end(), "write prepared") == 0);
}

TEST_CASE("a failure is told once, tried again, and told when it is over", "[storage_thread]") {
    Bench bench;
    bench.disk->set_room(0);
    bench.thread->write(prepared_of(reference_of(1)));
    const protocol::Event failed = bench.wait_for("checkpoint_failed");
    CHECK(failed.level == protocol::Level::warning);
    CHECK_THAT(failed.message, Contains("disk/prepared"));
    CHECK(std::get<std::string>(*failed.find("path")) == "disk/");
    // A newer one takes its place, and the same failure is not told again.
    bench.thread->write(prepared_of(reference_of(1, 0.5F)));
    // A full disk does not keep the peer from promising.
    bench.thread->write(promise_of(1, 1));
    bench.thread->write(promise_of(1, 2));
    REQUIRE(bench.loop.run_until([&] { return !bench.promises.empty(); }));
    bench.disk->set_room(1'000'000);
    REQUIRE(bench.loop.run_until([&] { return !bench.prepared.empty(); }));
    CHECK(bench.prepared == std::vector{reference_of(1, 0.5F)->id.digest});
    CHECK(count_of(bench.events, "checkpoint_failed") == 1);
    const auto works = std::find_if(bench.events.begin(), bench.events.end(), [](const auto& one) {
        return one.name == "checkpoint_written" && one.level == protocol::Level::info;
    });
    REQUIRE(works != bench.events.end());
    CHECK_THAT(works->message, Contains("prepared value"));
}

TEST_CASE("nothing goes to disk on top of a reference that could not be written",
          "[storage_thread]") {
    Bench bench;
    bench.disk->cut_off();
    bench.thread->write(peer::Commit{reference_of(1), history_to(1)});
    bench.wait_for("checkpoint_failed");
    bench.thread->write(promise_of(2, 1));
    bench.thread->write(copy_of(1));
    bench.disk->reconnect();
    REQUIRE(bench.loop.run_until([&] { return !bench.promises.empty(); }));
    const auto changes = bench.disk->changes();
    CHECK(place_of(changes, "write reference-1") < place_of(changes, "overwrite promise"));
}

TEST_CASE("at the end what waits is written, and the last copy", "[storage_thread]") {
    Bench bench;
    Gate gate;
    bench.thread->write(gate.copy(1));
    gate.entered.acquire();
    bench.thread->write(promise_of(2, 3));
    bench.thread->write(peer::Commit{reference_of(1), history_to(1)});
    bench.thread->write(copy_of(2));
    auto events = std::async(std::launch::async, [&] { return bench.thread->finish(copy_of(3)); });
    gate.leave.release();
    const auto told = events.get();
    REQUIRE(told.size() == 1);
    CHECK(told[0].name == "checkpoint_written");
    CHECK(std::get<std::int64_t>(*told[0].find("steps")) == 3);
    CHECK(bench.thread->finish(copy_of(9)).empty());
    bench.thread->write(promise_of(2, 4));
    bench.loop.run_ready();
    CHECK(bench.promises.empty());
    const Bench next(bench.disk);
    CHECK(next.found.promise == promise_of(2, 3));
    CHECK(next.found.reference->id == reference_of(1)->id);
    CHECK(next.found.local->steps == 3);
}

TEST_CASE("a last copy that cannot be written is told", "[storage_thread]") {
    Bench bench;
    bench.disk->set_room(0);
    const auto told = bench.thread->finish(copy_of(3));
    REQUIRE(told.size() == 1);
    CHECK(told[0].name == "checkpoint_failed");
    CHECK(told[0].level == protocol::Level::warning);
}

TEST_CASE("an exception while training is copied is told, and ends nothing else",
          "[storage_thread]") {
    Bench bench;
    bench.thread->write(
        CopyTraining([]() -> protocol::LocalRecord { throw std::runtime_error("no memory"); }));
    REQUIRE(bench.loop.run_until([&] { return !bench.errors.empty(); }));
    CHECK_THAT(bench.errors[0], Contains("no memory"));
    CHECK(bench.thread->finish({}).empty());
}
