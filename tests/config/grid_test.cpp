#include "config/grid.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;
namespace fs = std::filesystem;

namespace {

const std::string kBase =
    "peers = 3\nepochs = 2\n"
    "[data]\nsource = \"synthetic-digits\"\ntest = { samples = 20 }\n";

std::vector<GridRun> parsed(const std::string& text) {
    auto grid = parse_grid(text, "grid.toml");
    if (!grid) FAIL(grid.error().message);
    return *grid;
}

std::vector<std::string> names(const std::vector<GridRun>& runs) {
    std::vector<std::string> all;
    for (const GridRun& run : runs) all.push_back(run.name);
    return all;
}

std::string error_of(const std::string& text) {
    const auto grid = parse_grid(text, "grid.toml");
    if (grid) FAIL("was read without an error: " + text);
    return grid.error().message;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a grid is the product of its lists, seeds last", "[grid]") {
    const auto runs =
        parsed("seeds = [1, 2]\n" + kBase +
               "[averaging]\nmonitor = [\"linear\", \"norm\"]\nthreshold = [0.5, 3]\n");
    CHECK(names(runs) == Names{"linear-threshold-0.5-seed-1", "linear-threshold-0.5-seed-2",
                               "linear-threshold-3-seed-1", "linear-threshold-3-seed-2",
                               "norm-threshold-0.5-seed-1", "norm-threshold-0.5-seed-2",
                               "norm-threshold-3-seed-1", "norm-threshold-3-seed-2"});
    CHECK(runs[3].config.averaging.threshold == 3);
    CHECK(names(parsed("seeds = 7\n" + kBase +
                       "[averaging]\nmonitor = [\"every-step\", "
                       "\"interval:20\", \"interval:50\"]\n")) ==
          Names{"every-step-seed-7", "interval-20-seed-7", "interval-50-seed-7"});
    CHECK(names(parsed("seeds = 7\n" + kBase +
                       "[averaging]\nthreshold = \"auto\"\n"
                       "initial_threshold = 1\ntarget_interval_steps = [50, 100]\n")) ==
          Names{"linear-threshold-auto-target_interval_steps-50-seed-7",
                "linear-threshold-auto-target_interval_steps-100-seed-7"});
    CHECK(runs[3].config.training.seed == 2);
    CHECK(runs[3].config.model.seed == 2);
    CHECK(runs[3].peers == 3);
    CHECK(runs[3].epochs == 2U);
    CHECK_FALSE(runs[3].steps);
    CHECK(runs[4].config.averaging.monitor == protocol::MonitorKind::norm);
    CHECK(runs[4].config.data.test->samples == 20);
}

TEST_CASE("axes are in the order of the file", "[grid]") {
    CHECK(names(parsed("seeds = [1, 2]\n" + kBase +
                       "[training]\nlearning_rate = [0.1, 0.2]\n"
                       "[averaging]\ncheck_every = [1, 2]\n")) ==
          Names{"linear-threshold-5-learning_rate-0.1-check_every-1-seed-1",
                "linear-threshold-5-learning_rate-0.1-check_every-1-seed-2",
                "linear-threshold-5-learning_rate-0.1-check_every-2-seed-1",
                "linear-threshold-5-learning_rate-0.1-check_every-2-seed-2",
                "linear-threshold-5-learning_rate-0.2-check_every-1-seed-1",
                "linear-threshold-5-learning_rate-0.2-check_every-1-seed-2",
                "linear-threshold-5-learning_rate-0.2-check_every-2-seed-1",
                "linear-threshold-5-learning_rate-0.2-check_every-2-seed-2"});
}

TEST_CASE("experiments have what stands outside of them, unless they say otherwise", "[grid]") {
    const auto runs = parsed("target_accuracy = 0.9\nseeds = [4]\n" + kBase +
                             "[averaging]\nthreshold = [1, 2]\n"
                             "[[experiment]]\n"
                             "[[experiment]]\nname = \"sync\"\naveraging.monitor = \"every-step\"\n"
                             "averaging.threshold = 1\nsteps = 7\nseeds = 5\n");
    CHECK(names(runs) == Names{"linear-threshold-1-seed-4", "linear-threshold-2-seed-4",
                               "sync/every-step-seed-5"});
    CHECK(runs[0].epochs == 2U);
    CHECK(runs[2].steps == 7U);
    CHECK_FALSE(runs[2].epochs);
    CHECK(runs[2].experiment == "sync");
    CHECK(runs[2].target_accuracy == 0.9);
}

TEST_CASE("a grid may ask for checks", "[grid]") {
    const auto runs = parsed("checks = true\n" + kBase + "[averaging]\npace = \"lockstep\"\n");
    REQUIRE(runs.size() == 1);
    CHECK(runs[0].checks);
    CHECK_FALSE(parsed(kBase)[0].checks);
}

TEST_CASE("every key with a list is an axis and in the name", "[grid]") {
    CHECK(names(parsed(kBase + "shard.split = [\"iid\", \"sorted:0.6\"]\n"
                               "[training]\nlearning_rate = [0.001]\n")) ==
          Names{"linear-threshold-5-split-iid-learning_rate-0.001-seed-1",
                "linear-threshold-5-split-sorted-0.6-learning_rate-0.001-seed-1"});
    const auto runs = parsed(kBase + "[model]\nbuiltin = \"mlp\"\nhidden = [[16], [200, 100]]\n");
    CHECK(names(runs) ==
          Names{"linear-threshold-5-hidden-16-seed-1", "linear-threshold-5-hidden-200-100-seed-1"});
    CHECK(runs[1].config.model.hidden == std::vector<std::uint32_t>{200, 100});
    // Of a key whose values are lists, one list is one value.
    CHECK(parsed(kBase + "[model]\nbuiltin = \"mlp\"\nhidden = [16, 8]\n").size() == 1);
    CHECK(names(parsed("peers = [2, 4]\nsteps = 3\n[data]\nsource = \"synthetic-digits\"\n")) ==
          Names{"linear-threshold-5-peers-2-seed-1", "linear-threshold-5-peers-4-seed-1"});
}

TEST_CASE("a base configuration is found beside the grid", "[grid]") {
    const test::TemporaryFolder temporary;
    const std::string folder = temporary.path().string();
    std::ofstream(folder + "/base.toml") << "[data]\nsource = \"synthetic-digits\"\n"
                                            "[averaging]\nmonitor = \"norm\"\nthreshold = 2\n";
    std::ofstream(folder + "/grid.toml")
        << "config = \"base.toml\"\npeers = 2\nsteps = 5\n[averaging]\nthreshold = [1, 4]\n";
    std::ofstream(folder + "/bad.toml")
        << "config = \"base.toml\"\npeers = 2\nsteps = 5\n[averaging]\nthreshold = [1, -4]\n";
    const auto grid = load_grid(folder + "/grid.toml");
    REQUIRE(grid);
    CHECK(names(*grid) == Names{"norm-threshold-1-seed-1", "norm-threshold-4-seed-1"});
    const auto bad = load_grid(folder + "/bad.toml");
    REQUIRE_FALSE(bad);
    // The grid is wrong, not its base.
    CHECK(bad.error().message ==
          folder + "/bad.toml:5:1: averaging.threshold: -4 is not allowed; allowed: above 0");
    CHECK_THAT(load_grid(folder + "/none.toml").error().message, Contains("cannot be read"));
}

TEST_CASE("an error in a grid is told once, with its place", "[grid]") {
    CHECK(error_of("peers = 0\nsteps = 5\n" + kBase.substr(kBase.find("[data]"))) ==
          "grid.toml:1:1: peers: 0 is not allowed; allowed: 1 to 256");
    CHECK_THAT(error_of("seeds = [1, 2, 3]\n" + kBase + "[averaging]\nthreshhold = [1, 2]\n"),
               Contains("averaging.threshhold: unknown key; did you mean averaging.threshold?"));
    const std::string repeated =
        error_of("seeds = [1, 2, 3]\n" + kBase + "[averaging]\nthreshold = [0, 2]\n");
    CHECK(repeated.find('\n') == std::string::npos);
    CHECK_THAT(repeated, Contains("grid.toml:8:1: averaging.threshold: "));
    CHECK_THAT(error_of("pears = 3\n" + kBase), Contains("grid.toml:1:1: pears: unknown key"));
    CHECK_THAT(error_of("steps = 5\n"), Contains("peers: is missing; say how many"));
    CHECK_THAT(error_of("peers = 5\n"), Contains("steps: is missing; say how long"));
    CHECK_THAT(error_of("seeds = []\n" + kBase), Contains("seeds: is an empty list"));
    CHECK_THAT(error_of("seeds = [\"a\"]\n" + kBase), Contains("seeds: must be an integer"));
    CHECK_THAT(error_of("target_accuracy = 2\n" + kBase),
               Contains("target_accuracy: 2 is not allowed; allowed: 0 to 1"));
    CHECK_THAT(error_of("checks = 1\n" + kBase), Contains("checks: must be true or false"));
    CHECK_THAT(error_of("checks = true\n" + kBase +
                        "[averaging]\nmonitor = \"interval:3\"\npace = \"lockstep\"\n"),
               Contains("checks: interval-3-seed-1: monitor = \"interval:3\" estimates nothing"));
    CHECK_THAT(error_of("checks = true\n" + kBase + "[averaging]\npace = \"free\"\n"),
               Contains("set pace = \"lockstep\""));
    CHECK_THAT(error_of("config = \"none.toml\"\n" + kBase), Contains("none.toml: cannot be read"));
    CHECK_THAT(error_of(kBase + "[[experiment]]\nname = \"../x\"\n"),
               Contains("name: is \"../x\"; allowed: letters"));
    CHECK_THAT(error_of("experiment = 3\n" + kBase), Contains("must be written [[experiment]]"));
    CHECK_THAT(error_of("peers = 3\nsteps = 5\n"), Contains("data.source: is missing"));
    CHECK_THAT(error_of("target_accuracy = 0.9\npeers = 3\nsteps = 5\n"
                        "[data]\nsource = \"synthetic-digits\"\n"),
               Contains("has no [data.test]"));
}

TEST_CASE("two runs never share a folder", "[grid]") {
    CHECK_THAT(error_of(kBase + "[[experiment]]\ntraining.learning_rate = 0.1\n"
                                "[[experiment]]\ntraining.learning_rate = 0.2\n"),
               Contains("grid.toml:9:1: makes a second run linear-threshold-5-seed-1; give the"));
    CHECK_THAT(error_of("seeds = [1, 1]\n" + kBase), Contains("makes a second run"));
}

TEST_CASE("a grid without end is refused", "[grid]") {
    std::string many = "[1";
    for (int i = 2; i <= 200; ++i) many += ", " + std::to_string(i);
    many += "]";
    CHECK_THAT(error_of("seeds = " + many + "\n" + kBase + "[averaging]\nthreshold = " + many),
               Contains("makes more than 10000 runs"));
}

TEST_CASE("every file in experiments/ can be run", "[grid]") {
    std::size_t grids = 0;
    for (const auto& file : std::filesystem::directory_iterator(DYNAVG_SOURCE_DIR "/experiments")) {
        const std::string name = file.path().filename().string();
        if (file.path().extension() != ".toml") continue;
        CAPTURE(name);
        if (name.ends_with("grid.toml")) {
            const auto grid = load_grid(file.path());
            if (!grid) FAIL(grid.error().message);
            CHECK_FALSE(grid->empty());
            ++grids;
        } else {
            const auto config = load_config(file.path());
            if (!config) FAIL(config.error().message);
        }
    }
    CHECK(grids > 0);
}

TEST_CASE("the example of the documentation is a grid", "[grid]") {
    std::ostringstream readme;
    readme << std::ifstream(DYNAVG_SOURCE_DIR "/experiments/README.md").rdbuf();
    const std::string text = readme.str();
    const std::size_t begin = text.find("```toml\n");
    REQUIRE(begin != std::string::npos);
    const std::string example = text.substr(begin + 8, text.find("```\n", begin + 8) - begin - 8);
    const auto grid = parse_grid(example, DYNAVG_SOURCE_DIR "/experiments/example.toml");
    if (!grid) FAIL(grid.error().message);
    REQUIRE(grid->size() == 35);
    CHECK(grid->front().name == "linear-threshold-0.5-seed-1");
    CHECK(grid->back().name == "synchronous/every-step-seed-5");
}
