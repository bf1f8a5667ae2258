#include "storage/replace_file.hpp"

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::storage {

namespace {

using test::TemporaryFolder;

Expected<void, Error> replace(const std::filesystem::path& path, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    const std::array<std::span<const std::byte>, 2> parts{bytes.first(text.size() / 2),
                                                          bytes.subspan(text.size() / 2)};
    return replace_file(path, parts);
}

std::string read(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

std::size_t files_in(const TemporaryFolder& folder) {
    const std::filesystem::directory_iterator files(folder.path());
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
}

bool says(const Expected<void, Error>& result, std::string_view text) {
    return !result && result.error().message.find(text) != std::string::npos;
}

}  // namespace

TEST_CASE("a file for others is made and replaced as a whole, and readable", "[replace_file]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.pt";
    const mode_t before = umask(022);
    REQUIRE(replace(path, "the first one").has_value());
    umask(before);
    CHECK(read(path) == "the first one");
    struct stat facts {};
    REQUIRE(stat(path.c_str(), &facts) == 0);
    CHECK((facts.st_mode & 0777) == 0644);
    const ino_t inode = facts.st_ino;
    REQUIRE(replace(path, "second").has_value());
    CHECK(read(path) == "second");
    // Who has the old one open keeps it.
    REQUIRE(stat(path.c_str(), &facts) == 0);
    CHECK(facts.st_ino != inode);
    CHECK(files_in(folder) == 1);
}

TEST_CASE("what a crash has left of an earlier try is no obstacle", "[replace_file]") {
    const TemporaryFolder folder;
    std::ofstream(folder / ".model.pt.new") << "half of a very long model, and no more";
    REQUIRE(replace(folder / "model.pt", "whole").has_value());
    CHECK(read(folder / "model.pt") == "whole");
    CHECK(files_in(folder) == 1);
}

TEST_CASE("a second writer of one file is refused, and harms nothing", "[replace_file]") {
    const TemporaryFolder folder;
    const auto path = folder / "model.pt";
    const int other = open((folder / ".model.pt.new").c_str(), O_WRONLY | O_CREAT, 0600);
    REQUIRE(other >= 0);
    REQUIRE(write(other, "theirs", 6) == 6);
    REQUIRE(flock(other, LOCK_EX | LOCK_NB) == 0);
    CHECK(says(replace(path, "ours"), "another process is writing it"));
    CHECK(read(folder / ".model.pt.new") == "theirs");
    CHECK_FALSE(std::filesystem::exists(path));
    close(other);
}

TEST_CASE("where a file cannot be written, the old one stays and the reason is told",
          "[replace_file]") {
    const TemporaryFolder folder;
    CHECK(says(replace(folder / "none" / "model.pt", "x"), "No such file or directory; make the"));
    std::filesystem::create_directory(folder / "taken.pt");
    CHECK(says(replace(folder / "taken.pt", "x"), "is no file; choose another name"));
    std::filesystem::create_symlink("/dev/null", folder / "null.pt");
    CHECK(says(replace(folder / "null.pt", "x"), "is no file; choose another name"));

    // A limit on the size of files fails as a full disk does.
    const auto path = folder / "model.pt";
    REQUIRE(replace(path, "the old one").has_value());
    rlimit limit{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &limit) == 0);
    const rlimit small{4, limit.rlim_max};
    const auto handler = std::signal(SIGXFSZ, SIG_IGN);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto result = replace(path, "a longer one than fits");
    REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    std::signal(SIGXFSZ, handler);
    CHECK(says(result, "model.pt: File too large; free some space there"));
    CHECK(read(path) == "the old one");
    CHECK_FALSE(std::filesystem::exists(folder / ".model.pt.new"));
}

}  // namespace dynavg::storage
