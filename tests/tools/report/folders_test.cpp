#include "tools/report/folders.hpp"

#include <cstdlib>
#include <fstream>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg::report;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

class Place {
public:
    [[nodiscard]] fs::path path(const std::string& name = "") const { return m_folder / name; }
    void write(const std::string& name, const std::string& text) const {
        fs::create_directories(path(name).parent_path());
        std::ofstream(path(name)) << text;
    }

private:
    dynavg::test::TemporaryFolder m_folder;
};

}  // namespace

TEST_CASE("runs are found below a folder, each once, in the order of their paths", "[folders]") {
    const Place place;
    place.write("grid/b/summary.json", "{}");
    place.write("grid/a/seed-1/epochs.csv", "");
    place.write("grid/notes/readme.txt", "none");
    fs::create_directory_symlink(place.path("grid"), place.path("grid/notes/loop"));
    const auto runs = read_runs({place.path("grid"), place.path("grid/b"), place.path("grid/b/")});
    REQUIRE(runs);
    REQUIRE(runs->size() == 2);
    CHECK((*runs)[0].folder == place.path("grid/a/seed-1"));
    CHECK((*runs)[1].folder == place.path("grid/b"));
    CHECK((*runs)[0].problems.empty());
    CHECK_FALSE((*runs)[1].problems.empty());
}

TEST_CASE("a folder without runs is an error with what to do", "[folders]") {
    const Place place;
    place.write("file", "");
    fs::create_directories(place.path("empty"));
    const auto error = [](const fs::path& folder) {
        const auto runs = read_runs({folder});
        REQUIRE_FALSE(runs);
        CHECK_THAT(runs.error().message, Contains(folder.string() + ": "));
        return runs.error().message;
    };
    CHECK_THAT(error(place.path("none")), Contains("no such folder; name one"));
    CHECK_THAT(error(place.path("file")), Contains("is no folder; name"));
    CHECK_THAT(error(place.path("empty")), Contains("has no run in it"));
}

TEST_CASE("a file is replaced as a whole, and a failure is told", "[folders]") {
    const Place place;
    place.write("report.html", "old");
    REQUIRE(write_file(place.path("report.html"), "new"));
    std::string text;
    std::getline(std::ifstream(place.path("report.html")), text);
    CHECK(text == "new");
    CHECK_FALSE(fs::exists(place.path(".report.html.new")));
    const auto nowhere = write_file(place.path("none/report.html"), "");
    REQUIRE_FALSE(nowhere);
    CHECK_THAT(nowhere.error().message, Contains("none/report.html: No such file"));
    const auto full = write_file("/dev/full", "text");
    REQUIRE_FALSE(full);
    CHECK_THAT(full.error().message, Contains("cannot write /dev/full: No space"));
}
