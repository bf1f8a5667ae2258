#include "training/data/cifar10.hpp"

#include <filesystem>

#include "protocol/base/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/target.hpp"
#include "tests/temporary_folder.hpp"

// A batch of CIFAR-10's binary version, plain or gzipped.

namespace dynavg::fuzz {

namespace {

namespace fs = std::filesystem;

/// The folder's only file: a link to the input.
void hold(const test::TemporaryFolder& folder, const fs::path& target) {
    fs::remove(folder / "test_batch.bin");
    fs::create_symlink(target, folder / "test_batch.bin");
}

}  // namespace

void run(std::span<const std::uint8_t> input) {
    static const test::TemporaryFolder folder;
    const MemoryFile batch(input);
    hold(folder, batch.path());
    const auto read = training::read_cifar10_directory(folder.path(), training::DataPart::test);
    if (!read) {
        DYNAVG_CHECK(!read.error().message.empty());
        return;
    }
    const training::Dataset& set = **read;
    DYNAVG_CHECK(set.size() > 0 && set.images.size() == set.size() * set.shape.pixels());
    for (const std::uint8_t label : set.labels) DYNAVG_CHECK(label < set.classes);
}

}  // namespace dynavg::fuzz
