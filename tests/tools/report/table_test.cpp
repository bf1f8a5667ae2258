#include "tools/report/table.hpp"

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/tools/report/sample_runs.hpp"
#include "tools/report/json.hpp"

using namespace dynavg::report;
using Catch::Matchers::Contains;

TEST_CASE("the table is aligned, and tells once what all runs share", "[table]") {
    const std::string text = terminal_text(
        make_groups({sample_run("every-step", 5, 1, 100), sample_run("linear", 3, 1, 30),
                     sample_run("linear", 3, 2, 34)}));
    CHECK(text ==
          "model lenet5, peers 10\n"
          "\n"
          "MONITOR     THRESHOLD  RUNS  STEPS  EPOCHS     ROUNDS         ACCURACY  BYTES: PAPER  "
          "WIRE: MONITORING  WIRE: AVERAGING     WIRE: TOTAL  SYNC/PAPER  SYNC/WIRE\n"
          "every-step          -     1    100       2        100           0.9810        104 kB  "
          "           10 kB           100 kB          110 kB          1x         1x\n"
          "linear              3     2    100       2  32 +-6.2%  0.9815 +-0.0005  38.7 kB +-5%  "
          "           10 kB     32 kB +-6.2%  42.5 kB +-4.7%        2.7x       2.6x\n"
          "\n"
          "Medians over the runs of a row; +- is half the distance from the least to the most.\n");
}

TEST_CASE("a single run is told in full", "[table]") {
    const std::string text = terminal_text(make_groups({sample_run("linear", 3, 1)}));
    CHECK_THAT(text, Contains("MODEL   MONITOR  THRESHOLD  PEERS  RUNS"));
    CHECK_THAT(text, Contains("lenet5  linear           3     10     1"));
}

TEST_CASE("targets are told with the step, or as missed", "[table]") {
    Run hit = sample_run("linear", 3, 1);
    Run miss = sample_run("linear", 3, 2);
    hit.settings.target_accuracy = miss.settings.target_accuracy = 0.985;
    hit.result->reached_target = 80;
    CHECK_THAT(terminal_text(make_groups({hit, miss})), Contains("80 (1 of 2)"));
    CHECK_THAT(terminal_text(make_groups({miss})), Contains("not reached"));
}

TEST_CASE("unfinished runs are listed", "[table]") {
    Run broken = sample_run("linear", 3, 2);
    broken.result.reset();
    const std::string text = terminal_text(make_groups({sample_run("linear", 3, 1), broken}));
    CHECK_THAT(text, Contains(" 1 of 2 "));
    CHECK_THAT(text, Contains("not finished: results/linear-2\n"));
    CHECK_THAT(terminal_text(make_groups({broken})), Contains(" not finished "));
    broken.settings = {};
    CHECK(terminal_text(make_groups({broken})) == "not finished: results/linear-2\n");
}

TEST_CASE("texts from files can't steer the terminal", "[table]") {
    Run run = sample_run("linear", 3, 1);
    run.settings.model = "evil\x1b[2J";
    run.result.reset();
    run.name = "x\n\x1b";
    const std::string text = terminal_text(make_groups({run}));
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK_THAT(text, Contains("evil\\x1b[2J"));
}

TEST_CASE("for machines there are all numbers", "[table]") {
    Run broken = sample_run("linear", 3, 3);
    broken.result.reset();
    broken.problems = {"results/x: bad\xff"};
    broken.settings.all["bad\xff"] = "\xfe";
    const auto json = to_json(
        make_groups({sample_run("linear", 3, 1, 30), sample_run("linear", 3, 2, 34), broken}));
    REQUIRE(json["groups"].size() == 2);
    const auto& group = json["groups"][0];
    CHECK(group["label"] == "linear, threshold 3, results/linear-1");
    CHECK(group["settings"]["peers"] == 10);
    CHECK(group["rounds"]["median"] == 32);
    CHECK(group["rounds"]["min"] == 30);
    CHECK(group["synchronous_ratio_wire"].is_null());
    CHECK(group["runs"][1]["bytes_total"] == 44'500);
    CHECK(json["groups"][1]["runs"][0]["finished"] == false);
    CHECK(json["problems"][0] == "results/x: bad\\xff");
    // It can be written: all texts are UTF-8.
    CHECK_FALSE(json.dump().empty());
}
