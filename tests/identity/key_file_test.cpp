#include "identity/key_file.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

#include <sys/stat.h>

#include "identity/private_file.hpp"
#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::identity {

namespace {

using test::TemporaryFolder;

std::string read_text(const std::filesystem::path& file) {
    std::ifstream in(file);
    return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

TEST_CASE("A folder may be named relative to where the program runs", "[key_file]") {
    const TemporaryFolder folder;
    const auto before = std::filesystem::current_path();
    std::filesystem::current_path(folder.path());
    const auto made = load_or_make_identity("state");
    const auto below = load_or_make_identity("a/b/state");
    std::filesystem::current_path(before);
    CAPTURE(made ? "" : made.error().message);
    CHECK(made.has_value());
    CHECK(below.has_value());
}

TEST_CASE("A node's first start makes its key, and every later one finds the same", "[key_file]") {
    const TemporaryFolder folder;
    const auto state = folder.path() / "state";
    const auto first = load_or_make_identity(state);
    REQUIRE(first.has_value());
    const auto second = load_or_make_identity(state);
    REQUIRE(second.has_value());
    CHECK(first->id == second->id);
    CHECK(std::ranges::equal(first->secret.bytes(), second->secret.bytes()));
    CHECK(load_or_make_identity(folder.path() / "other")->id != first->id);
}

TEST_CASE("A key is its owner's alone", "[key_file]") {
    const TemporaryFolder folder;
    REQUIRE(load_or_make_identity(folder.path()).has_value());
    const auto file = folder.path() / kKeyFileName;
    struct stat about {};
    REQUIRE(stat(file.c_str(), &about) == 0);
    CHECK((about.st_mode & 07777U) == 0600U);

    REQUIRE(chmod(file.c_str(), 0640) == 0);
    const auto read = load_or_make_identity(folder.path());
    REQUIRE_FALSE(read.has_value());
    CHECK_THAT(read.error().message, Catch::Contains("chmod 600 " + file.string()));
}

TEST_CASE("A damaged key is told, and left as it is", "[key_file]") {
    const TemporaryFolder folder;
    const auto file = folder.path() / kKeyFileName;
    const std::string damaged =
        GENERATE(std::string(), std::string("abc\n"), std::string(64, 'z'), std::string(500, '0'));
    std::ofstream(file) << damaged;
    REQUIRE(chmod(file.c_str(), 0600) == 0);
    const auto read = load_or_make_identity(folder.path());
    REQUIRE_FALSE(read.has_value());
    CHECK_THAT(read.error().message, Catch::Contains(file.string()));
    CHECK(read_text(file) == damaged);
}

TEST_CASE("A key that is to be there and is not says how to make one", "[key_file]") {
    const TemporaryFolder folder;
    const auto read = load_identity(folder.path());
    REQUIRE_FALSE(read.has_value());
    CHECK_THAT(read.error().message, Catch::Contains("dynavg init"));
}

TEST_CASE("A key that another process made at the same time stays", "[key_file]") {
    const TemporaryFolder folder;
    const auto file = folder.path() / "key";
    REQUIRE(write_private_file(file, "theirs", Replace::no).has_value());
    REQUIRE(write_private_file(file, "ours", Replace::no).has_value());
    CHECK(read_text(file) == "theirs");
    REQUIRE(write_private_file(file, "ours", Replace::yes).has_value());
    CHECK(read_text(file) == "ours");
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path()), {}) == 1);
}

TEST_CASE("Equal seeds give equal pairs, and a secret has one public half", "[keys]") {
    const Identity seed = make_identity();
    const Identity first = identity_from_seed(seed.secret);
    CHECK(first.id == identity_from_seed(seed.secret).id);
    CHECK(first.id != seed.id);
    CHECK(identity_of(first.secret).id == first.id);
    CHECK(make_identity().id != make_identity().id);
}

}  // namespace dynavg::identity
