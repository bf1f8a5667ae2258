#include "storage/checkpoint_store.hpp"

#include "storage/names.hpp"
#include "tests/catch.hpp"
#include "tests/storage/samples.hpp"

namespace dynavg::storage {

namespace {

Found load(MemoryDisk& disk) {
    return store_on(disk).load();
}

/// References 1 to `last` committed, as a peer would.
void commit_to(CheckpointStore& store, std::uint32_t last) {
    for (std::uint32_t epoch = 1; epoch <= last; ++epoch) {
        REQUIRE(store.commit(*reference_of(epoch), history_to(epoch)).has_value());
    }
}

}  // namespace

TEST_CASE("in a new folder nothing is found, and nothing is wrong", "[checkpoint_store]") {
    MemoryDisk disk;
    const Found found = load(disk);
    CHECK_FALSE(found.promise.has_value());
    CHECK_FALSE(found.prepared.has_value());
    CHECK(found.reference == nullptr);
    CHECK(found.history.empty());
    CHECK_FALSE(found.local.has_value());
    CHECK_FALSE(found.fell_back);
    CHECK_FALSE(found.forgot);
    CHECK_FALSE(found.refused.has_value());
    CHECK(found.events.empty());
}

TEST_CASE("a written record is found again", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.commit(*reference_of(1), history_to(1)).has_value());
    REQUIRE(store.write(promise_of(2, 7)).has_value());
    REQUIRE(store.write(prepared_of(reference_of(2))).has_value());
    REQUIRE(store.write(local_of(100)).has_value());

    const Found found = load(disk);
    CHECK(found.promise == promise_of(2, 7));
    REQUIRE(found.prepared.has_value());
    CHECK(found.prepared->prepared == prepared_of(reference_of(2)).prepared);
    CHECK(found.prepared->value->id == reference_of(2)->id);
    CHECK(found.prepared->value->values == reference_of(2)->values);
    REQUIRE(found.reference != nullptr);
    CHECK(found.reference->id == reference_of(1)->id);
    CHECK(found.reference->direction == reference_of(1)->direction);
    CHECK(found.history == history_to(1));
    REQUIRE(found.local.has_value());
    const protocol::LocalRecord expected = local_of(100);
    CHECK(found.local->incarnation == expected.incarnation);
    CHECK(found.local->reference == expected.reference);
    CHECK(found.local->steps == expected.steps);
    CHECK(found.local->steps_since_reference == expected.steps_since_reference);
    CHECK(found.local->drift == expected.drift);
    CHECK(found.local->buffers == expected.buffers);
    CHECK(found.local->frozen_for == expected.frozen_for);
    CHECK(found.local->frozen_steps == expected.frozen_steps);
    CHECK(found.local->frozen_drift == expected.frozen_drift);
    CHECK(found.local->optimizer == expected.optimizer);
    CHECK(count_of(found.events, "checkpoint_loaded") == 2);
    CHECK(count_of(found.events, "checkpoint_damaged") == 0);
}

TEST_CASE("the newest promise, prepared value and local record are found", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    for (std::uint32_t attempt = 1; attempt <= 5; ++attempt) {
        REQUIRE(store.write(promise_of(1, attempt)).has_value());
        REQUIRE(store.write(local_of(attempt)).has_value());
        const auto value = reference_of(1, static_cast<float>(attempt));
        REQUIRE(store.write(prepared_of(value)).has_value());
        // A later life goes on where this one stopped.
        CheckpointStore next = store_on(disk);
        const Found found = next.load();
        REQUIRE(found.promise == promise_of(1, attempt));
        REQUIRE(found.local->steps == attempt);
        REQUIRE(found.prepared->value->id == value->id);
        REQUIRE(next.write(promise_of(1, attempt + 100)).has_value());
        REQUIRE(load(disk).promise == promise_of(1, attempt + 100));
        (void)store.load();
    }
}

TEST_CASE("the peers that were met are found again, and spare nothing if they are not",
          "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    const protocol::KnownPeers known{{{protocol::PeerId::from_name("a"), "a:1"}}};
    REQUIRE(store.write(known).has_value());
    CHECK(load(disk).known_peers == known);
    CHECK(load(disk).events.empty());
    auto& bytes = disk.files.at("peers");
    bytes.pop_back();
    const Found found = load(disk);
    CHECK(found.known_peers.peers.empty());
    CHECK_FALSE(found.forgot);
    CHECK(names(found.events, "checkpoint_damaged", "disk/peers"));
}

TEST_CASE("a commit of the prepared value is a rename, after the history", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.write(prepared_of(reference_of(1))).has_value());
    disk.changes.clear();
    REQUIRE(store.commit(*reference_of(1), history_to(1)).has_value());
    CHECK(disk.changes == std::vector<std::string>{"write history", "rename prepared reference-1"});
    const Found found = load(disk);
    CHECK(found.reference->id == reference_of(1)->id);
    CHECK_FALSE(found.prepared.has_value());
    CHECK(found.history == history_to(1));
}

TEST_CASE("a value that was prepared in an earlier life is renamed too", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore before = store_on(disk);
    (void)before.load();
    REQUIRE(before.write(prepared_of(reference_of(1))).has_value());
    CheckpointStore store = store_on(disk);
    (void)store.load();
    disk.changes.clear();
    REQUIRE(store.commit(*reference_of(1), history_to(1)).has_value());
    CHECK(disk.changes == std::vector<std::string>{"write history", "rename prepared reference-1"});
}

TEST_CASE("another value than the prepared one is written, and the prepared one goes",
          "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.write(prepared_of(reference_of(1, 0.5F))).has_value());
    REQUIRE(store.commit(*reference_of(1), history_to(1)).has_value());
    CHECK_FALSE(disk.files.contains("prepared"));
    CHECK(load(disk).reference->id == reference_of(1)->id);
    // A value of a later epoch stays.
    REQUIRE(store.write(prepared_of(reference_of(5))).has_value());
    REQUIRE(store.commit(*reference_of(2), history_to(2)).has_value());
    CHECK(load(disk).prepared->value->id == reference_of(5)->id);
}

TEST_CASE("the same reference is not written twice", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    commit_to(store, 1);
    disk.changes.clear();
    REQUIRE(store.commit(*reference_of(1), history_to(1)).has_value());
    CHECK(disk.changes == std::vector<std::string>{"write history"});
}

TEST_CASE("the last three references and two local records are kept", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    commit_to(store, 12);
    for (std::uint64_t steps = 1; steps <= 12; ++steps) {
        REQUIRE(store.write(local_of(steps)).has_value());
    }
    CHECK(disk.list() == std::vector<std::string>{"history", "local-11", "local-12", "promise",
                                                  "reference-10", "reference-11", "reference-12"});
    CHECK(load(disk).reference->epoch == Epoch(12));
    CHECK(load(disk).history == history_to(12));
}

TEST_CASE("a past that was given up leaves no later reference behind", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    commit_to(store, 4);
    const ReferencePointer other = reference_of(2, 0.5F);
    const std::vector<HistoryEntry> past = {{other->id, protocol::peers({4, 5}), {}}};
    REQUIRE(store.commit(*other, past).has_value());
    const Found found = load(disk);
    CHECK(found.reference->id == other->id);
    CHECK(found.history == past);
    CHECK(disk.list() == std::vector<std::string>{"history", "promise", "reference-2"});
}

TEST_CASE("a crash within a commit leaves the old reference or the new one", "[checkpoint_store]") {
    for (const bool prepared : {true, false}) {
        for (std::size_t changes = 0; changes <= 6; ++changes) {
            CAPTURE(prepared, changes);
            MemoryDisk disk;
            CheckpointStore store = store_on(disk);
            (void)store.load();
            commit_to(store, 3);
            const ReferencePointer value = reference_of(4, prepared ? 0 : 0.5F);
            REQUIRE(store.write(prepared_of(value)).has_value());
            disk.changes_left = changes;
            const bool done = store.commit(*reference_of(4), history_to(4)).has_value();
            disk.changes_left = 1000;
            const Found found = load(disk);
            CHECK(count_of(found.events, "checkpoint_damaged") == 0);
            CHECK_FALSE(found.fell_back);
            const auto epoch = found.reference->epoch.value();
            CHECK(epoch >= (done ? 4U : 3U));
            CHECK(found.history == history_to(epoch));
            // A value that was announced as prepared is known until it is behind the reference.
            if (epoch == 3) CHECK(found.prepared->value->id == value->id);
            if (epoch == 4) CHECK_FALSE(found.prepared.has_value());
        }
    }
}

TEST_CASE("a crash within a promise leaves the one before or this one", "[checkpoint_store]") {
    for (std::size_t changes = 0; changes <= 2; ++changes) {
        for (const bool first : {true, false}) {
            CAPTURE(changes, first);
            MemoryDisk disk;
            CheckpointStore store = store_on(disk);
            (void)store.load();
            if (!first) REQUIRE(store.write(promise_of(1, 1)).has_value());
            disk.changes_left = changes;
            const bool done = store.write(promise_of(1, 2)).has_value();
            disk.changes_left = 1000;
            const Found found = load(disk);
            CHECK_FALSE(found.forgot);
            if (done) CHECK(found.promise == promise_of(1, 2));
            if (changes == 0 && first) CHECK_FALSE(found.promise.has_value());
            if (changes == 0 && !first) CHECK(found.promise == promise_of(1, 1));
        }
    }
}

TEST_CASE("a full disk does not keep a peer from promising", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    disk.room = 0;
    for (std::uint32_t attempt = 1; attempt <= 4; ++attempt) {
        REQUIRE(store.write(promise_of(1, attempt)).has_value());
    }
    CHECK(load(disk).promise == promise_of(1, 4));
    const auto refused = store.write(prepared_of(reference_of(1)));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "cannot write disk/prepared: no room");
}

TEST_CASE("on a full disk old references make room for a new one", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    commit_to(store, 3);
    REQUIRE(store.write(local_of(1)).has_value());
    REQUIRE(store.write(local_of(2)).has_value());
    std::size_t used = 0;
    for (const auto& [name, bytes] : disk.files) used += bytes.size();
    disk.room = used;
    REQUIRE(store.write(prepared_of(reference_of(4))).has_value());
    CHECK_FALSE(disk.files.contains("reference-1"));
    CHECK(disk.files.contains("reference-3"));
    // Never the newest of anything, not even if it does not help.
    disk.room = 0;
    CHECK_FALSE(store.write(prepared_of(reference_of(4, 0.5F))).has_value());
    const Found found = load(disk);
    CHECK(found.reference->epoch == Epoch(3));
    CHECK(found.local->steps == 2);
    CHECK(found.prepared->value->id == reference_of(4)->id);
}

TEST_CASE("a disk that fails for another reason costs nothing that is on it",
          "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    commit_to(store, 3);
    const auto before = disk.files;
    disk.changes_left = 0;
    CHECK_FALSE(store.write(prepared_of(reference_of(4))).has_value());
    CHECK(disk.files == before);
}

TEST_CASE("a failed write is repeated when the disk works again", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.write(prepared_of(reference_of(1))).has_value());
    disk.changes_left = 1;  // The history, and no rename.
    CHECK_FALSE(store.commit(*reference_of(1), history_to(1)).has_value());
    disk.changes_left = 1000;
    REQUIRE(store.commit(*reference_of(1), history_to(1)).has_value());
    CHECK(load(disk).reference->id == reference_of(1)->id);
}

TEST_CASE("a longer history with changing rosters comes back", "[checkpoint_store]") {
    auto history = history_to(40);
    for (std::size_t epoch = 1; epoch < history.size(); ++epoch) {
        if (epoch % 3 == 0) history[epoch].roster = protocol::peers({2, 3});
        if (epoch % 7 == 0) history[epoch].leaving = protocol::peers({3});
    }
    MemoryDisk disk;
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.commit(*reference_of(40), history).has_value());
    CHECK(load(disk).history == history);
}

TEST_CASE("a folder of another network is refused, and each difference named",
          "[checkpoint_store]") {
    const protocol::NetworkFields ours = {{"model", "lenet5"}, {"network", "robots"}};
    const protocol::NetworkFields theirs = {{"model", "mlp"}, {"network", "robots"}};
    MemoryDisk disk;
    CHECK_FALSE(CheckpointStore::owner_of(disk).has_value());
    REQUIRE(CheckpointStore::claim(disk, theirs).has_value());
    CHECK(CheckpointStore::owner_of(disk) == theirs);
    CHECK(CheckpointStore::claim(disk, theirs).has_value());
    const auto before = disk.files;
    const auto refused = CheckpointStore::claim(disk, ours);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message.find("model is mlp there and lenet5 here") != std::string::npos);
    CHECK(refused.error().message.find("network is") == std::string::npos);
    CHECK(refused.error().message.find("node.state_dir") != std::string::npos);
    CHECK(disk.files == before);
}

TEST_CASE("files of another network are not touched", "[checkpoint_store]") {
    MemoryDisk disk;
    CheckpointStore theirs(disk, kShape, {1, 1});
    (void)theirs.load();
    REQUIRE(theirs.write(promise_of(1, 1)).has_value());
    REQUIRE(theirs.write(prepared_of(reference_of(1))).has_value());
    REQUIRE(theirs.commit(*reference_of(1), history_to(1)).has_value());
    REQUIRE(theirs.write(local_of(1)).has_value());
    const auto before = disk.files;
    const Found found = load(disk);
    REQUIRE(found.refused.has_value());
    CHECK(found.refused->message.find("disk/reference-1") != std::string::npos);
    CHECK(found.refused->message.find("another network") != std::string::npos);
    CHECK(disk.files == before);
}

TEST_CASE("names that are not ours are left alone", "[checkpoint_store]") {
    CHECK(number_in<std::uint32_t>("reference-12", kReferencePrefix) == 12U);
    CHECK(number_in<std::uint32_t>("reference-0", kReferencePrefix) == 0U);
    for (const char* name : {"reference-", "reference-1x", "reference-01", "reference--1",
                             "reference-4294967296", "reference", "my-reference-1"}) {
        CHECK_FALSE(number_in<std::uint32_t>(name, kReferencePrefix).has_value());
    }
    MemoryDisk disk;
    disk.files["reference-x"] = Bytes(10);
    disk.files["notes.txt"] = Bytes(10);
    CheckpointStore store = store_on(disk);
    CHECK(store.load().events.empty());
    commit_to(store, 9);
    CHECK(disk.files.contains("reference-x"));
    CHECK(disk.files.contains("notes.txt"));
}

}  // namespace dynavg::storage
