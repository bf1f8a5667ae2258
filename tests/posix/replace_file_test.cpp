#include "posix/replace_file.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::posix {

namespace {

using test::TemporaryFolder;

Expected<void, Error> replace(const std::filesystem::path& path, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    const std::array<std::span<const std::byte>, 2> parts{bytes.first(text.size() / 2),
                                                          bytes.subspan(text.size() / 2)};
    return replace_file(path, parts, {.second_writer = SecondWriter::is_refused});
}

mode_t mode_of(const std::filesystem::path& path) {
    struct stat facts {};
    REQUIRE(stat(path.c_str(), &facts) == 0);
    return facts.st_mode & 07777U;
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
    // A reader that has the old one open keeps it.
    REQUIRE(stat(path.c_str(), &facts) == 0);
    CHECK(facts.st_ino != inode);
    CHECK(files_in(folder) == 1);
}

TEST_CASE("files that a crash has left of an earlier try are no obstacle", "[replace_file]") {
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

TEST_CASE("if a file cannot be written, the old one stays and the reason is told",
          "[replace_file]") {
    const TemporaryFolder folder;
    CHECK(says(replace(folder / "none" / "model.pt", "x"), "No such file or directory; make the"));
    std::filesystem::create_directory(folder / "taken.pt");
    CHECK(says(replace(folder / "taken.pt", "x"), "is no file; choose another name"));
    std::filesystem::create_symlink("/dev/null", folder / "null.pt");
    CHECK(says(replace(folder / "null.pt", "x"), "is a link and no file; name the file"));

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

TEST_CASE("a file has the mode that is asked for, or keeps that of the one it replaces",
          "[replace_file]") {
    const TemporaryFolder folder;
    const auto path = folder / "key";
    const mode_t before = umask(0);
    REQUIRE(replace_file(path, "secret", {.mode = 0600}).has_value());
    umask(before);
    CHECK(mode_of(path) == 0600);
    // A leftover of a crash may have had another mode.
    std::ofstream(folder / ".key.new") << "left";
    REQUIRE(chmod((folder / ".key.new").c_str(), 0666) == 0);
    REQUIRE(replace_file(path, "secret", {.mode = 0600}).has_value());
    CHECK(mode_of(path) == 0600);

    const auto config = folder / "dynavg.toml";
    const ReplaceOptions keeps{.mode = 0644, .owner = Owner::of_replaced};
    REQUIRE(replace_file(config, "a = 1", keeps).has_value());
    CHECK(mode_of(config) == 0644);
    REQUIRE(chmod(config.c_str(), 0640) == 0);
    REQUIRE(replace_file(config, "a = 2", keeps).has_value());
    CHECK(mode_of(config) == 0640);
    CHECK(read(config) == "a = 2");
}

TEST_CASE("root gives a file to the owner of the folder, or of the file it replaces",
          "[replace_file]") {
    if (geteuid() != 0) return;
    constexpr uid_t kSomebody = 12345;
    const TemporaryFolder folder;
    const auto owner_of = [&](const char* name) {
        struct stat facts {};
        REQUIRE(stat((folder / name).c_str(), &facts) == 0);
        return facts.st_uid;
    };
    REQUIRE(replace_file(folder / "a", "1", {.owner = Owner::of_replaced}).has_value());
    CHECK(owner_of("a") == 0);
    REQUIRE(chown((folder / "a").c_str(), kSomebody, kSomebody) == 0);
    REQUIRE(replace_file(folder / "a", "2", {.owner = Owner::of_replaced}).has_value());
    CHECK(owner_of("a") == kSomebody);
    REQUIRE(replace_file(folder / "a", "3").has_value());
    CHECK(owner_of("a") == 0);
    REQUIRE(chown(folder.path().c_str(), kSomebody, kSomebody) == 0);
    REQUIRE(replace_file(folder / "b", "1", {.owner = Owner::of_folder}).has_value());
    CHECK(owner_of("b") == kSomebody);
}

TEST_CASE("where a file that is there is kept, it stays, and that is no failure",
          "[replace_file]") {
    const TemporaryFolder folder;
    const auto path = folder / "key";
    const ReplaceOptions keeps{.existing = Existing::kept};
    REQUIRE(replace_file(path, "theirs", keeps).has_value());
    REQUIRE(replace_file(path, "ours", keeps).has_value());
    CHECK(read(path) == "theirs");
    CHECK(files_in(folder) == 1);
}

TEST_CASE("a crash between the two names of a file that is kept costs nothing", "[replace_file]") {
    const TemporaryFolder folder;
    std::ofstream(folder / ".key.new") << "the key";
    REQUIRE(link((folder / ".key.new").c_str(), (folder / "key").c_str()) == 0);
    REQUIRE(replace_file(folder / "key", "another", {.existing = Existing::kept}).has_value());
    CHECK(read(folder / "key") == "the key");
    CHECK(files_in(folder) == 1);
}

TEST_CASE("a second writer waits for the first, unless it is to be refused", "[replace_file]") {
    const TemporaryFolder folder;
    const auto path = folder / "trusted";
    constexpr int kWriters = 8;
    std::vector<std::thread> writers;
    std::atomic<int> failures{0};
    for (int i = 0; i < kWriters; ++i) {
        writers.emplace_back([&path, &failures, i] {
            for (int round = 0; round < 20; ++round) {
                const std::string text(1000, static_cast<char>('a' + i));
                if (!replace_file(path, text)) ++failures;
            }
        });
    }
    for (std::thread& writer : writers) writer.join();
    CHECK(failures == 0);
    const std::string last = read(path);
    CHECK(last == std::string(1000, last.at(0)));
    CHECK(files_in(folder) == 1);
}

TEST_CASE("a caller that knows better advice gives it", "[replace_file]") {
    const TemporaryFolder folder;
    CHECK(says(replace_file(folder / "none" / "a", "x", {.advice = "ask the cook"}),
               "none/a: No such file or directory; ask the cook"));
}

}  // namespace dynavg::posix
