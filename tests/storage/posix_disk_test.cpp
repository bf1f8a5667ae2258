#include "storage/posix_disk.hpp"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::storage {

namespace {

using test::TemporaryFolder;

std::unique_ptr<PosixDisk> open(const std::filesystem::path& path) {
    auto disk = PosixDisk::open(path.string());
    REQUIRE(disk.has_value());
    return std::move(*disk);
}

Expected<void, Error> write(Disk& disk, const std::string& name, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    const std::array<std::span<const std::byte>, 2> parts{bytes.first(text.size() / 2),
                                                          bytes.subspan(text.size() / 2)};
    return disk.write(name, parts);
}

std::string read(const Disk& disk, const std::string& name) {
    const auto bytes = disk.read(name, 1000);
    REQUIRE(bytes.has_value());
    return {reinterpret_cast<const char*>(bytes->data()), bytes->size()};
}

bool says(const Error& error, const std::string& text) {
    return error.message.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("files are written, replaced, renamed, listed and removed", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "state");
    REQUIRE(write(*disk, "one", "first").has_value());
    REQUIRE(write(*disk, "one", "1").has_value());
    REQUIRE(write(*disk, "two", "second").has_value());
    CHECK(disk->list() == std::vector<std::string>{"one", "two"});
    CHECK(read(*disk, "one") == "1");
    REQUIRE(disk->rename("two", "one").has_value());
    CHECK(read(*disk, "one") == "second");
    CHECK(disk->list() == std::vector<std::string>{"one"});
    CHECK(disk->remove("one").has_value());
    CHECK(disk->remove("one").has_value());
    CHECK(disk->list().empty());
    CHECK_FALSE(disk->rename("one", "two").has_value());
    CHECK(disk->path_of("one") == (folder / "state" / "one").string());
}

TEST_CASE("a disk tells how much room is left", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "state");
    REQUIRE(disk->free_bytes());
    CHECK(*disk->free_bytes() <= std::filesystem::space(folder / "").capacity);
}

TEST_CASE("a part of a file is written over in place", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "state");
    REQUIRE(write(*disk, "file", "0123456789").has_value());
    const std::string_view text = "xyz";
    REQUIRE(disk->overwrite("file", 4, std::as_bytes(std::span(text))).has_value());
    CHECK(read(*disk, "file") == "0123xyz789");
    CHECK_FALSE(disk->overwrite("file", 8, std::as_bytes(std::span(text))).has_value());
    CHECK_FALSE(disk->overwrite("none", 0, std::as_bytes(std::span(text))).has_value());
    CHECK(read(*disk, "file") == "0123xyz789");
}

TEST_CASE("reading is bounded and names what is not there", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "state");
    REQUIRE(write(*disk, "file", "0123456789").has_value());
    CHECK(disk->read("file", 10).has_value());
    CHECK(says(disk->read("file", 9).error(), "10 bytes"));
    CHECK(says(disk->read("none", 9).error(), disk->path_of("none")));
    std::filesystem::create_directory(folder / "state/folder");
    CHECK_FALSE(disk->read("folder", 1 << 20).has_value());
}

TEST_CASE("one process at a time holds a folder", "[posix_disk]") {
    const TemporaryFolder folder;
    auto first = PosixDisk::open((folder / "state").string());
    REQUIRE(first.has_value());
    const auto second = PosixDisk::open((folder / "state").string());
    REQUIRE_FALSE(second.has_value());
    CHECK(says(second.error(), (folder / "state").string()));
    CHECK(says(second.error(), std::to_string(::getpid())));
    CHECK(says(second.error(), "node.state_dir"));
    first->reset();
    CHECK(PosixDisk::open((folder / "state").string()).has_value());
}

TEST_CASE("temporary files of a crash are removed, others are not", "[posix_disk]") {
    const TemporaryFolder folder;
    std::filesystem::create_directory(folder / "state");
    std::ofstream(folder / "state/.new-reference-7") << "half";
    std::ofstream(folder / "state/reference-6") << "whole";
    const auto disk = open(folder / "state");
    CHECK(disk->list() == std::vector<std::string>{"reference-6"});
    CHECK_FALSE(std::filesystem::exists(folder / "state/.new-reference-7"));
}

TEST_CASE("missing folders are made, for their owner alone to read", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "a/b/c");
    REQUIRE(write(*disk, "file", "text").has_value());
    struct stat facts {};
    REQUIRE(::stat(disk->path_of("file").c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777U) == 0600U);
}

TEST_CASE("a folder that cannot be made is told with what to do", "[posix_disk]") {
    const TemporaryFolder folder;
    std::ofstream(folder / "file") << "text";
    const auto disk = PosixDisk::open((folder / "file" / "state").string());
    REQUIRE_FALSE(disk.has_value());
    CHECK(says(disk.error(), (folder / "file" / "state").string()));
    CHECK(says(disk.error(), "node.state_dir"));
}

TEST_CASE("a folder that went away is told with what to do, and comes back", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "state");
    std::filesystem::remove_all(folder / "state");
    const auto written = write(*disk, "file", "text");
    REQUIRE_FALSE(written.has_value());
    CHECK(says(written.error(), (folder / "state/file").string()));
    CHECK_FALSE(disk->is_full());
}

// /dev/full is a device and no folder can be made there: a small file system would need rights. The
// limit on a file's size fails in the same place as a full disk.
TEST_CASE("a full disk is told as such, and the old file stays", "[posix_disk]") {
    const TemporaryFolder folder;
    const auto disk = open(folder / "state");
    REQUIRE(write(*disk, "file", "old").has_value());
    struct FileSizeLimit {
        explicit FileSizeLimit(rlim_t bytes) {
            ::getrlimit(RLIMIT_FSIZE, &before);
            m_signal = ::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{bytes, before.rlim_max};
            ::setrlimit(RLIMIT_FSIZE, &limit);
        }
        ~FileSizeLimit() {
            ::setrlimit(RLIMIT_FSIZE, &before);
            ::signal(SIGXFSZ, m_signal);
        }
        rlimit before{};
        sighandler_t m_signal;
    };
    const std::string large(100'000, 'x');
    {
        const FileSizeLimit limit(1000);
        const auto written = write(*disk, "file", large);
        REQUIRE_FALSE(written.has_value());
        CHECK(disk->is_full());
        CHECK(says(written.error(), disk->path_of("file")));
        CHECK(says(written.error(), "free some space"));
    }
    CHECK(read(*disk, "file") == "old");
    CHECK(disk->list() == std::vector<std::string>{"file"});
    CHECK_FALSE(std::filesystem::exists(folder / "state/.new-file"));
    CHECK(write(*disk, "file", "new").has_value());
    CHECK_FALSE(disk->is_full());
}

}  // namespace dynavg::storage
