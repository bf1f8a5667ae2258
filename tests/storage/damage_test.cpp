#include <functional>

#include "protocol/base/random.hpp"
#include "storage/checkpoint_store.hpp"
#include "storage/names.hpp"
#include "tests/catch.hpp"
#include "tests/storage/samples.hpp"

// A file on disk may have been torn by a crash or changed by a failing disk: each file is checked
// against flips of every byte, and against being cut at every length.

namespace dynavg::storage {

namespace {

/// A disk on which a peer has been at work for a while: references 1 to 3 of three peers, local
/// records of 1 and 2 steps, a promise and a value prepared for epoch 4.
MemoryDisk& worked_on(MemoryDisk& disk) {
    CheckpointStore store = store_on(disk);
    (void)store.load();
    for (std::uint32_t epoch = 1; epoch <= 3; ++epoch) {
        REQUIRE(store.commit(*reference_of(epoch), history_to(epoch)).has_value());
    }
    REQUIRE(store.write(local_of(1)).has_value());
    REQUIRE(store.write(local_of(2)).has_value());
    REQUIRE(store.write(promise_of(4, 6)).has_value());
    REQUIRE(store.write(prepared_of(reference_of(4))).has_value());
    return disk;
}

/// Calls `check(found, where)` after each of many damages to this file.
void for_each_damage(const std::string& name,
                     const std::function<void(const Found& found, std::size_t at)>& check) {
    MemoryDisk disk;
    worked_on(disk);
    const Bytes sound = disk.files.at(name);
    for (std::size_t at = 0; at < sound.size(); ++at) {
        disk.files[name][at] ^= std::byte{0x10};
        check(store_on(disk).load(), at);
        disk.files[name] = sound;
    }
    for (std::size_t size = 0; size < sound.size(); ++size) {
        disk.files[name].resize(size);
        check(store_on(disk).load(), size);
        disk.files[name] = sound;
    }
}

}  // namespace

TEST_CASE("with a damaged reference the one before is used, and the damage named", "[damage]") {
    for_each_damage("reference-3", [](const Found& found, std::size_t at) {
        CAPTURE(at);
        REQUIRE(found.reference != nullptr);
        REQUIRE(found.reference->id == reference_of(2)->id);
        REQUIRE(found.history == history_to(2));
        REQUIRE(found.fell_back);
        REQUIRE(found.forgot);
        REQUIRE(names(found.events, "checkpoint_damaged", "disk/reference-3"));
        REQUIRE(names(found.events, "checkpoint_loaded", "disk/reference-2"));
        // It is still after the reference, and says what this peer has announced.
        REQUIRE(found.prepared->value->id == reference_of(4)->id);
    });
}

TEST_CASE("with a damaged local record the one before is used, and the damage named", "[damage]") {
    for_each_damage("local-2", [](const Found& found, std::size_t at) {
        CAPTURE(at);
        REQUIRE(found.local.has_value());
        REQUIRE(found.local->steps == 1);
        REQUIRE_FALSE(found.fell_back);
        REQUIRE(names(found.events, "checkpoint_damaged", "disk/local-2"));
    });
}

TEST_CASE("a damaged history leaves the reference's own entry", "[damage]") {
    for_each_damage("history", [](const Found& found, std::size_t at) {
        CAPTURE(at);
        REQUIRE(found.reference->id == reference_of(3)->id);
        REQUIRE(found.history.size() == 1);
        REQUIRE(found.history.front().reference == reference_of(3)->id);
        REQUIRE(found.history.front().roster == protocol::peers({1, 2, 3}));
        REQUIRE(names(found.events, "checkpoint_damaged", "disk/history"));
    });
}

TEST_CASE("a damaged prepared value is dropped, and the peer knows that it forgot", "[damage]") {
    for_each_damage("prepared", [](const Found& found, std::size_t at) {
        CAPTURE(at);
        REQUIRE_FALSE(found.prepared.has_value());
        REQUIRE(found.forgot);
        REQUIRE_FALSE(found.fell_back);
        REQUIRE(names(found.events, "checkpoint_damaged", "disk/prepared"));
    });
}

TEST_CASE("no damage to one copy costs the promise", "[damage]") {
    MemoryDisk disk;
    worked_on(disk);
    const Bytes sound = disk.files.at(kPromiseName);
    for (const std::size_t slot : {std::size_t{0}, kPromiseSlotBytes}) {
        for (std::size_t at = 0; at < 200; ++at) {
            CAPTURE(slot, at);
            disk.files[kPromiseName][slot + at] ^= std::byte{0x10};
            const Found found = store_on(disk).load();
            REQUIRE(found.promise == promise_of(4, 6));
            REQUIRE_FALSE(found.forgot);
            // The bytes behind the slot's content belong to nothing.
            if (at < kFileHeaderBytes) {
                REQUIRE(count_of(found.events, "checkpoint_damaged") == 1);
            }
            disk.files[kPromiseName] = sound;
        }
    }
}

TEST_CASE("with both copies damaged, or the file cut short or gone, the promise is forgotten",
          "[damage]") {
    MemoryDisk disk;
    worked_on(disk);
    const Bytes sound = disk.files.at(kPromiseName);
    disk.files[kPromiseName][20] ^= std::byte{1};
    disk.files[kPromiseName][kPromiseSlotBytes + 20] ^= std::byte{1};
    CHECK(store_on(disk).load().forgot);
    for (const std::size_t size : {std::size_t{0}, std::size_t{100}, kPromiseSlotBytes}) {
        disk.files[kPromiseName] = sound;
        disk.files[kPromiseName].resize(size);
        const Found found = store_on(disk).load();
        CHECK(found.forgot);
        CHECK_FALSE(found.promise.has_value());
        CHECK(names(found.events, "checkpoint_damaged", "disk/promise"));
    }
    // A new promise is kept again, in any case.
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.write(promise_of(4, 9)).has_value());
    CHECK(store_on(disk).load().promise == promise_of(4, 9));
    disk.files.erase(kPromiseName);
    CHECK(store_on(disk).load().forgot);
}

TEST_CASE("with all references damaged nothing is left to go on from, and that is told",
          "[damage]") {
    MemoryDisk disk;
    worked_on(disk);
    for (const char* name : {"reference-1", "reference-2", "reference-3"}) {
        disk.files[name][100] ^= std::byte{1};
    }
    const Found found = store_on(disk).load();
    CHECK(found.reference == nullptr);
    CHECK(found.history.empty());
    CHECK(found.fell_back);
    CHECK(count_of(found.events, "checkpoint_damaged") == 3);
}

TEST_CASE("a damaged reference is replaced when its epoch is committed again", "[damage]") {
    MemoryDisk disk;
    worked_on(disk);
    disk.files["reference-3"][100] ^= std::byte{1};
    CheckpointStore store = store_on(disk);
    (void)store.load();
    REQUIRE(store.commit(*reference_of(3), history_to(3)).has_value());
    const Found found = store_on(disk).load();
    CHECK(found.reference->id == reference_of(3)->id);
    CHECK(count_of(found.events, "checkpoint_damaged") == 0);
}

TEST_CASE("the bytes of a sound file are read without harm, whatever they say", "[damage]") {
    // The digest is right, as a program with an error would write it.
    protocol::RandomStream random(5, protocol::RandomPurpose::batches);
    const std::vector<std::pair<std::string, FileKind>> files = {
        {"reference-3", FileKind::reference},
        {"prepared", FileKind::reference},
        {"history", FileKind::history},
        {"local-2", FileKind::local}};
    for (const auto& [name, kind] : files) {
        for (int round = 0; round < 2000; ++round) {
            MemoryDisk disk;
            disk.files = [] {
                static MemoryDisk pattern;
                if (pattern.files.empty()) worked_on(pattern);
                return pattern.files;
            }();
            Bytes payload(disk.files[name].begin() + kFileHeaderBytes, disk.files[name].end());
            const std::size_t changes = 1 + random() % 4;
            for (std::size_t i = 0; i < changes; ++i) {
                payload[random() % std::min<std::size_t>(payload.size(), 200)] =
                    static_cast<std::byte>(random());
            }
            if (random() % 4 == 0) payload.resize(random() % payload.size());
            const auto header = make_file_header(kind, kNetwork, 0, {payload});
            disk.files[name].assign(header.begin(), header.end());
            disk.files[name].insert(disk.files[name].end(), payload.begin(), payload.end());
            const Found found = store_on(disk).load();
            REQUIRE(found.reference != nullptr);
        }
    }
}

}  // namespace dynavg::storage
