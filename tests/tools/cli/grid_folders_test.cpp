#include "tools/cli/grid_folders.hpp"

#include <fstream>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg::cli;
using Catch::Matchers::Contains;
using Kind = FolderState::Kind;
namespace fs = std::filesystem;

TEST_CASE("a folder is free, has this run, or another", "[grid_folders]") {
    const dynavg::test::TemporaryFolder temporary;
    const fs::path& folder = temporary.path();
    const std::string here = R"({"peers": 3, "configuration": {"averaging.threshold": 1.0}})";
    const auto write = [&](const char* name, const std::string& text) {
        std::ofstream(folder / name) << text;
    };
    CHECK(folder_state(folder / "none", here).kind == Kind::free);
    CHECK(folder_state(folder, here).kind == Kind::free);
    write("run.json", here);
    write("epochs.csv", "epoch\n");
    CHECK(folder_state(folder, here).kind == Kind::free);
    write("summary.json", "{}");
    CHECK(folder_state(folder, here).kind == Kind::finished);

    write("run.json", R"({"peers": 3, "configuration": {"averaging.threshold": 3.0}})");
    const FolderState other = folder_state(folder, here);
    CHECK(other.kind == Kind::other);
    CHECK(other.difference == "averaging.threshold is 3.0 there and 1.0 here");
    // An interrupted run of something else is not overwritten either.
    fs::remove(folder / "summary.json");
    CHECK(folder_state(folder, here).kind == Kind::other);

    fs::remove(folder / "run.json");
    CHECK(folder_state(folder, here).kind == Kind::free);
    write("summary.json", "{}");
    CHECK(folder_state(folder, here).difference == "it has no run.json that says what was run");
    // A file in the folder's place is found out when it is written to.
    CHECK(folder_state(folder / "summary.json", here).kind == Kind::free);
}

TEST_CASE("a difference of descriptions is told in a few words", "[grid_folders]") {
    const std::string here = R"({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": 6})";
    CHECK(description_difference("x", here) == "its run.json is damaged");
    CHECK(description_difference("{}", here) == "its run.json is damaged");
    CHECK(description_difference(here + " ", here) == "its run.json is written otherwise");
    CHECK(description_difference(R"({"a": 2})", here) ==
          "a is 2 there and 1 here, b is not told there and 2 here, c is not told there and 3 "
          "here, d is not told there and 4 here, and 2 more");
}
