#include <array>
#include <string>

#include "protocol/base/check.hpp"
#include "storage/file_format.hpp"
#include "storage/names.hpp"
#include "storage/restore.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/storage/samples.hpp"

// A whole state folder, as a crash, a bad disk or a person may have left it, and the daemon that
// starts with it. The input is a list of files: which one, how it is written, its bytes. No damage
// ends the process, what is found hangs together, and the folder can be used again.

namespace dynavg::fuzz {

namespace {

using namespace storage;

struct File {
    const char* name;
    FileKind kind;
};

constexpr std::array kFiles{
    File{kNetworkName, FileKind::network},    File{kPromiseName, FileKind::promise},
    File{kPreparedName, FileKind::reference}, File{"reference-0", FileKind::reference},
    File{"reference-1", FileKind::reference}, File{"reference-2", FileKind::reference},
    File{kHistoryName, FileKind::history},    File{"local-1", FileKind::local},
    File{"local-2", FileKind::local},         File{kPeersName, FileKind::peers}};

/// How the bytes of an input become a file.
enum class Form : std::uint8_t {
    raw,     ///< As they are.
    sealed,  ///< As the payload of a sound file, so that it is read.
    slots,   ///< The same, in both slots of a promise.
};

Bytes make_file(FileKind kind, Form form, std::span<const std::byte> bytes) {
    if (form == Form::raw) return {bytes.begin(), bytes.end()};
    const auto header = make_file_header(kind, kNetwork, 1, {bytes});
    Bytes file(header.begin(), header.end());
    file.insert(file.end(), bytes.begin(), bytes.end());
    if (form == Form::slots) {
        file.resize(kPromiseSlotBytes);
        const Bytes first = file;
        file.insert(file.end(), first.begin(), first.end());
    }
    return file;
}

void check_found(const Found& found) {
    for (std::size_t i = 1; i < found.history.size(); ++i) {
        DYNAVG_CHECK(found.history[i - 1].reference.epoch < found.history[i].reference.epoch);
    }
    if (found.reference) {
        DYNAVG_CHECK(found.reference->shape() == kShape);
        DYNAVG_CHECK(found.history.back().reference == found.reference->id);
    }
    if (found.prepared && found.reference) {
        DYNAVG_CHECK(found.prepared->value->epoch > found.reference->epoch);
    }
    if (found.local) {
        DYNAVG_CHECK(found.local->drift.size() == kShape.parameters);
        DYNAVG_CHECK(found.local->buffers.size() == kShape.buffers);
    }
}

void check_restart(const Found& found) {
    const protocol::Member self = protocol::peer(1, 5);
    const Restart restart = make_restart(found, self, 1);
    DYNAVG_CHECK(restart.incarnation >= self.incarnation);
    if (found.promise) DYNAVG_CHECK(restart.incarnation > found.promise->incarnation);
    if (restart.reference) DYNAVG_CHECK(restart.values.size() == kShape.values());
}

/// The next life writes as if nothing had been there, and the one after that finds it.
void check_goes_on(MemoryDisk& disk, CheckpointStore& store, const Found& found) {
    const auto reference = reference_of(found.reference && found.reference->epoch > Epoch(0)
                                            ? found.reference->epoch.value() % 100 + 1
                                            : 1);
    const protocol::Promise promise = promise_of(reference->epoch.value(), 1);
    DYNAVG_CHECK(store.commit(*reference, {{reference->id, {}, {}}}).has_value());
    DYNAVG_CHECK(store.write(promise).has_value());
    DYNAVG_CHECK(store.write(local_of(7)).has_value());
    const Found again = store_on(disk).load();
    DYNAVG_CHECK(!again.fell_back && again.reference && again.reference->id == reference->id);
    DYNAVG_CHECK(again.promise && *again.promise == promise);
    DYNAVG_CHECK(again.local && again.local->steps == 7);
}

}  // namespace

void run(std::span<const std::uint8_t> input) {
    Input in(input);
    MemoryDisk disk;
    while (!in.empty()) {
        const File& file = kFiles[in.below(kFiles.size())];
        const auto form = static_cast<Form>(in.below(3));
        disk.files[file.name] = make_file(file.kind, form, std::as_bytes(in.piece()));
    }
    (void)CheckpointStore::owner_of(disk);
    CheckpointStore store = store_on(disk);
    const Found found = store.load();
    check_found(found);
    if (found.refused) return;
    check_restart(found);
    check_goes_on(disk, store, found);
}

}  // namespace dynavg::fuzz
