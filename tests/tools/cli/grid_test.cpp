#include "tools/cli/grid.hpp"

#include "tests/tools/cli/simulate_program.hpp"

// `dynavg simulate --experiments`, on digits that the program draws.

using namespace dynavg::cli;

namespace {

constexpr const char* kGrid = R"(
    config = "small.toml"
    peers = 2
    steps = 20
    seeds = [1, 2]
    [[experiment]]
    averaging.threshold = [0.1, 0.3]
    [[experiment]]
    name = "synchronous"
    averaging.monitor = "every-step"
    seeds = 1
)";

struct GridPlace : Workplace {
    GridPlace() { write("grid.toml", kGrid); }
    [[nodiscard]] std::string grid(const std::string& arguments = "") const {
        return "--experiments " + file("grid.toml") + " --out " + file("out") + " " + arguments;
    }
    [[nodiscard]] std::string summary(const std::string& run) const {
        return text("out/" + run + "/summary.json");
    }
};

/// The summary without the time that it took.
std::string results_of(const std::string& summary) {
    const std::size_t wall = summary.find("\"wall_s\"");
    return summary.substr(0, wall) + summary.substr(summary.find('\n', wall));
}

}  // namespace

TEST_CASE("a grid is run, compared, and gone on with", "[grid]") {
    const GridPlace place;
    const Outcome first = shell(DYNAVG_PROGRAM " simulate " + place.grid("--jobs 2"));
    CAPTURE(first.output);
    REQUIRE(first.code == 0);
    for (const char* run : {"linear-threshold-0.1-seed-1", "linear-threshold-0.1-seed-2",
                            "linear-threshold-0.3-seed-1", "linear-threshold-0.3-seed-2",
                            "synchronous/every-step-seed-1"}) {
        CAPTURE(run);
        CHECK(has(first, std::string(" of 5  ") + run + ": accuracy 0."));
        CHECK(fs::exists(place.file(std::string("out/") + run + "/summary.json")));
    }
    // The same table as the verb's.
    const Outcome report =
        shell(DYNAVG_PROGRAM " report " + place.file("out") + " --out " + place.file("r.html"));
    CHECK(report.code == 0);
    CHECK(has(first, report.output.substr(0, report.output.find("\ncharts"))));
    CHECK(has(report, "\nevery-step "));
    CHECK(has(report, "\nlinear            0.1     2     20 "));

    const std::string before = place.summary("linear-threshold-0.3-seed-2");
    const std::string untouched = place.summary("linear-threshold-0.1-seed-1");
    fs::remove(place.file("out/linear-threshold-0.3-seed-2/summary.json"));
    CHECK(has(simulate(place.grid("--list")), "linear-threshold-0.3-seed-2\n"));
    CHECK(has(simulate(place.grid("--list")), "linear-threshold-0.3-seed-1: finished\n"));
    const Outcome second = simulate(place.grid("--jobs 1"));
    CAPTURE(second.output);
    CHECK(second.code == 0);
    CHECK(has(second, "4 of 5 runs are finished already\n"));
    CHECK(has(second, "run 5 of 5  linear-threshold-0.3-seed-2: "));
    CHECK_FALSE(has(second, "run 4 of 5"));
    CHECK(results_of(place.summary("linear-threshold-0.3-seed-2")) == results_of(before));
    CHECK(place.summary("linear-threshold-0.1-seed-1") == untouched);
}

TEST_CASE("a grid run is what the single run would be", "[grid]") {
    const GridPlace place;
    REQUIRE(simulate(place.grid("--only linear-threshold-0.3-seed-2")).code == 0);
    CHECK_FALSE(fs::exists(place.file("out/linear-threshold-0.3-seed-1")));
    REQUIRE(simulate("--config " + place.file("small.toml") + " --peers 2 --steps 20 --seed 2 " +
                     "--out " + place.file("single"))
                .code == 0);
    CHECK(place.text("single/run.json") == place.text("out/linear-threshold-0.3-seed-2/run.json"));
    CHECK(results_of(place.text("single/summary.json")) ==
          results_of(place.summary("linear-threshold-0.3-seed-2")));
}

TEST_CASE("folders of other runs are refused, and replaced by force", "[grid]") {
    const GridPlace place;
    const std::string only = "--only 'linear-threshold-0.1-*' --only synchronous";
    const auto run = [&](const std::string& more) {
        return shell(DYNAVG_PROGRAM " simulate " + place.grid(only + more));
    };
    REQUIRE(run("").code == 0);
    std::string other = kGrid;
    other.replace(other.find("steps = 20"), 10, "steps = 10");
    place.write("grid.toml", other);
    const std::string before = place.summary("linear-threshold-0.1-seed-1");
    const Outcome refused = run("");
    CHECK(refused.code == 1);
    CHECK(has(refused,
              "linear-threshold-0.1-seed-1 has another run: steps is 20 there and 10 "
              "here\n"));
    CHECK(has(refused, "3 folders have other runs than the grid; nothing was started."));
    CHECK(has(refused, "--force"));
    CHECK(place.summary("linear-threshold-0.1-seed-1") == before);
    CHECK(has(run(" --list"), "seed-1: the folder has another run: steps is 20 there"));
    const Outcome forced = run(" --force");
    CHECK(forced.code == 0);
    CHECK(place.summary("linear-threshold-0.1-seed-1").find("\"steps\": 10,") != std::string::npos);
}

TEST_CASE("a run that fails stops no other", "[grid]") {
    const GridPlace place;
    fs::create_directories(place.file("out"));
    place.write("out/linear-threshold-0.1-seed-1", "a file in the folder's place");
    const Outcome outcome = simulate(place.grid("--jobs 1"));
    CAPTURE(outcome.output);
    CHECK(outcome.code == 1);
    CHECK(has(outcome, "dynavg: linear-threshold-0.1-seed-1: "));
    CHECK(has(outcome, "can't be written: "));
    CHECK(has(outcome, "1 of 5 runs failed, see above"));
    CHECK(fs::exists(place.file("out/synchronous/every-step-seed-1/summary.json")));
    CHECK(has(outcome, "\nevery-step "));
}

TEST_CASE("the first signal ends a grid, which goes on later", "[grid]") {
    const GridPlace place;
    std::string endless = kGrid;
    endless.replace(endless.find("steps = 20"), 10, "steps = 100000000");
    place.write("grid.toml", endless);
    const std::string epochs = place.file("out/linear-threshold-0.1-seed-2/epochs.csv");
    // Interrupted once the second of two runs has written its first epoch.
    const Outcome outcome =
        shell(DYNAVG_PROGRAM " simulate " + place.grid("--jobs 2 &") +
              "\npid=$!; until test \"$(wc -l 2> /dev/null < " + epochs +
              ")\" -ge 2; do kill -0 $pid || break; sleep 0.01; done; kill -INT $pid; wait $pid");
    CAPTURE(outcome.output);
    CHECK(outcome.code == 1);
    CHECK(has(outcome, "interrupted; the same command goes on"));
    CHECK(has(outcome, "not finished: "));
    CHECK_FALSE(has(outcome, "failed"));
    CHECK(place.text("out/linear-threshold-0.1-seed-2/epochs.csv").ends_with("\n"));
    CHECK_FALSE(fs::exists(place.file("out/linear-threshold-0.1-seed-2/summary.json")));
    CHECK_FALSE(fs::exists(place.file("out/linear-threshold-0.3-seed-1")));
}

TEST_CASE("a grid refuses wrong arguments and files", "[grid]") {
    const GridPlace place;
    for (const char* wrong :
         {"--config c", "--peers 3", "--steps 5", "--epochs 5", "--seed 1", "--target-accuracy 0.5",
          "--faults random", "--set a=1", "--jobs 0"}) {
        CAPTURE(wrong);
        CHECK(simulate(place.grid(wrong)).code == 2);
    }
    for (const char* grid_only : {"--only x", "--jobs 2", "--force", "--list"}) {
        CAPTURE(grid_only);
        CHECK(simulate(place.with("--steps 5 " + std::string(grid_only))).code == 2);
    }
    const Outcome nobody = simulate(place.grid("--only nobody"));
    CHECK(nobody.code == 2);
    CHECK(has(nobody, "--only: no run of "));
    const Outcome data = simulate(place.grid("--data /srv/mnist"));
    CHECK(data.code == 2);
    CHECK(has(data, "which reads no files"));
    for (const char* source : {"idx", "cifar10"}) {
        CAPTURE(source);
        place.write("files.toml", "[model]\nbuiltin = \"mlp\"\n[data]\nsource = \"" +
                                      std::string(source) + "\"\npath = \"/srv/elsewhere\"\n");
        place.write("grid.toml", "config = \"files.toml\"\npeers = 2\nsteps = 20\nseeds = 1\n");
        const Outcome listed = simulate(place.grid("--data /srv/here --list"));
        CAPTURE(listed.output);
        CHECK(listed.code == 0);
    }
    place.write("grid.toml", "peers = 3\nsteps = 5\nepochz = 3\n");
    const Outcome bad = simulate(place.grid());
    CHECK(bad.code == 6);
    CHECK(has(bad, "grid.toml:3:1: epochz: unknown key"));
    CHECK_FALSE(fs::exists(place.file("out")));
}
