#include "peer/write_queue.hpp"

#include "tests/catch.hpp"
#include "tests/storage/memory_disk.hpp"
#include "tests/storage/samples.hpp"

using namespace dynavg;
using namespace dynavg::peer;
using namespace dynavg::storage;
using namespace std::chrono_literals;
using protocol::Instant;

namespace {

constexpr Instant kStart{100s};

Commit commit_of(std::uint32_t epoch) {
    return {reference_of(epoch), history_to(epoch)};
}

CopyTraining copy_of(std::uint64_t steps) {
    return [steps] { return local_of(steps); };
}

/// The writes that the queue hands out at this time, in order.
std::vector<WriteKind> kinds_at(WriteQueue& queue, Instant now) {
    std::vector<WriteKind> kinds;
    while (const auto write = queue.take(now)) kinds.push_back(kind_of(*write));
    return kinds;
}

}  // namespace

TEST_CASE("waiting writes go to disk in the order of their kinds", "[write_queue]") {
    WriteQueue queue;
    queue.put(protocol::KnownPeers());
    queue.put(local_of(1));
    queue.put(copy_of(1));
    queue.put(prepared_of(reference_of(2)));
    queue.put(promise_of(2, 1));
    queue.put(commit_of(1));
    CHECK(kinds_at(queue, kStart) == std::vector{WriteKind::reference, WriteKind::promise,
                                                 WriteKind::prepared, WriteKind::copy_of_training,
                                                 WriteKind::training, WriteKind::known_peers});
    CHECK_FALSE(queue.due());
}

TEST_CASE("a newer write takes the place of one of its kind", "[write_queue]") {
    WriteQueue queue;
    queue.put(promise_of(2, 1));
    queue.put(promise_of(2, 2));
    CHECK(std::get<protocol::Promise>(*queue.take(kStart)) == promise_of(2, 2));
    CHECK_FALSE(queue.take(kStart));
}

TEST_CASE("a failed write waits for the retry interval and holds back nothing else",
          "[write_queue]") {
    WriteQueue queue;
    queue.put(local_of(1));
    queue.failed(*queue.take(kStart), kStart);
    CHECK(queue.due() == kStart + WriteQueue::kRetryInterval);
    queue.put(promise_of(2, 1));
    CHECK(queue.due() <= kStart);
    CHECK(kinds_at(queue, kStart) == std::vector{WriteKind::promise});
    CHECK_FALSE(queue.take(kStart + WriteQueue::kRetryInterval - 1us));
    CHECK(kinds_at(queue, kStart + WriteQueue::kRetryInterval) == std::vector{WriteKind::training});
}

TEST_CASE("a newer write that has taken the place of one that failed waits as long",
          "[write_queue]") {
    WriteQueue queue;
    queue.put(local_of(1));
    Write failed = *queue.take(kStart);
    queue.put(local_of(2));
    queue.failed(std::move(failed), kStart);
    CHECK_FALSE(queue.take(kStart));
    const auto write = queue.take(kStart + WriteQueue::kRetryInterval);
    REQUIRE(write);
    CHECK(std::get<protocol::LocalRecord>(*write).steps == 2);
}

TEST_CASE("nothing goes to disk before a reference that waits", "[write_queue]") {
    WriteQueue queue;
    queue.put(commit_of(1));
    queue.failed(*queue.take(kStart), kStart);
    queue.put(promise_of(2, 1));
    queue.put(prepared_of(reference_of(2)));
    queue.put(local_of(1));
    queue.put(protocol::KnownPeers());
    CHECK_FALSE(queue.take(kStart));
    // The thread that waits for the queue is not woken up for a write that it may not have.
    CHECK(queue.due() == kStart + WriteQueue::kRetryInterval);
    CHECK(kinds_at(queue, kStart + WriteQueue::kRetryInterval).front() == WriteKind::reference);
}

TEST_CASE("a prepared value that is not newer than a commit is dropped", "[write_queue]") {
    WriteQueue queue;
    SECTION("it waits as the commit comes") {
        queue.put(prepared_of(reference_of(2)));
        queue.put(commit_of(2));
    }
    SECTION("it comes while the commit waits, or after it") {
        queue.put(commit_of(2));
        queue.put(prepared_of(reference_of(2)));
    }
    SECTION("it could not be written, and the commit came meanwhile") {
        queue.put(prepared_of(reference_of(2)));
        Write failed = *queue.take(kStart);
        queue.put(commit_of(2));
        queue.failed(std::move(failed), kStart);
    }
    CHECK(kinds_at(queue, kStart + 1min) == std::vector{WriteKind::reference});
    // A copy of it is not kept anywhere: a later one has the place.
    queue.put(prepared_of(reference_of(3)));
    CHECK(kinds_at(queue, kStart + 1min) == std::vector{WriteKind::prepared});
}

TEST_CASE("a prepared value counts from the last commit, whose epoch may be a lower one",
          "[write_queue]") {
    WriteQueue queue;
    queue.put(commit_of(5));
    queue.put(commit_of(2));
    queue.put(prepared_of(reference_of(3)));
    CHECK(kinds_at(queue, kStart) == std::vector{WriteKind::reference, WriteKind::prepared});
}

TEST_CASE("at the end all that waits is handed out, due or not, without copies", "[write_queue]") {
    WriteQueue queue;
    queue.put(commit_of(1));
    queue.failed(*queue.take(kStart), kStart);
    queue.put(copy_of(1));
    queue.put(promise_of(2, 1));
    queue.put(protocol::KnownPeers());
    const std::vector<Write> rest = queue.take_rest();
    REQUIRE(rest.size() == 3);
    CHECK(kind_of(rest[0]) == WriteKind::reference);
    CHECK(kind_of(rest[1]) == WriteKind::promise);
    CHECK(kind_of(rest[2]) == WriteKind::known_peers);
    CHECK_FALSE(queue.due());
}

TEST_CASE("each kind of write is found again on disk", "[write_queue]") {
    MemoryDisk disk;
    {
        CheckpointStore store(disk, kShape, kNetwork);
        (void)store.load();
        CHECK(write_to(store, commit_of(1)));
        CHECK(write_to(store, promise_of(2, 3)));
        CHECK(write_to(store, prepared_of(reference_of(2))));
        CHECK(write_to(store, local_of(70)));
        CHECK(write_to(store, protocol::KnownPeers()));
    }
    const Found found = CheckpointStore(disk, kShape, kNetwork).load();
    CHECK(found.reference->id == reference_of(1)->id);
    CHECK(found.promise == promise_of(2, 3));
    CHECK(found.prepared->value->id == reference_of(2)->id);
    CHECK(found.local->steps == 70);
}
