#include "training/data/cifar10.hpp"

#include <cstdlib>
#include <filesystem>
#include <string>

#include "protocol/check.hpp"
#include "tests/fuzz/input.hpp"
#include "tests/fuzz/memory_file.hpp"
#include "tests/fuzz/target.hpp"

// A batch of CIFAR-10's binary version, plain or gzipped.

namespace dynavg::fuzz {

namespace {

namespace fs = std::filesystem;

/// A folder for this process whose only file is a link to the input.
class Folder {
public:
    Folder() {
        std::string name = (fs::temp_directory_path() / "dynavg-fuzz-XXXXXX").string();
        DYNAVG_CHECK(mkdtemp(name.data()) != nullptr);
        m_path = name;
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
        std::error_code ignored;
        fs::remove_all(m_path, ignored);
    }
    void hold(const fs::path& target) const {
        fs::remove(m_path / "test_batch.bin");
        fs::create_symlink(target, m_path / "test_batch.bin");
    }
    [[nodiscard]] const fs::path& path() const { return m_path; }

private:
    fs::path m_path;
};

}  // namespace

void run(std::span<const std::uint8_t> input) {
    static const Folder folder;
    const MemoryFile batch(input);
    folder.hold(batch.path());
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
