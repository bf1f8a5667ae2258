#include "tools/report/groups.hpp"

#include "tests/catch.hpp"
#include "tests/tools/report/sample_runs.hpp"

using namespace dynavg::report;

TEST_CASE("medians of even numbers lie between the middle two", "[groups]") {
    CHECK_FALSE(statistic({}));
    const auto odd = statistic({3, 1, 2}).value();
    CHECK(odd.median == 2);
    CHECK(odd.min == 1);
    CHECK(odd.max == 3);
    CHECK(statistic({4, 1, 3, 2})->median == 2.5);
}

TEST_CASE("runs that differ in their seeds only are a group", "[groups]") {
    const auto groups = make_groups({sample_run("linear", 3, 2, 30), sample_run("linear", 1, 1),
                                     sample_run("linear", 3, 1, 40), sample_run("linear", 3, 3, 36),
                                     sample_run("norm", 3, 1)});
    REQUIRE(groups.size() == 3);
    CHECK(groups[0].label == "linear, threshold 1");
    CHECK(groups[1].label == "linear, threshold 3");
    CHECK(groups[2].label == "norm, threshold 3");
    CHECK(groups[1].distinction.empty());
    REQUIRE(groups[1].runs.size() == 3);
    CHECK(groups[1].runs[0].settings.seed == 1U);
    CHECK(groups[1].rounds->median == 36);
    CHECK(groups[1].rounds->max == 40);
    CHECK(groups[1].accuracy->median == Approx(0.982));
}

TEST_CASE("two runs of one seed are no group", "[groups]") {
    Run copy = sample_run("linear", 3, 1);
    copy.name = "results/copy";
    const auto groups = make_groups({sample_run("linear", 3, 1), copy});
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].label == "linear, threshold 3, results/linear-1");
    CHECK(groups[1].label == "linear, threshold 3, results/copy");
}

TEST_CASE("other settings that differ are in the label", "[groups]") {
    Run slow = sample_run("linear", 3, 1);
    slow.settings.all["training.learning_rate"] = "0.001";
    Run fast = sample_run("linear", 3, 1);
    fast.settings.all["training.learning_rate"] = "0.01";
    const auto groups = make_groups({slow, fast});
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].label == "linear, threshold 3, learning_rate 0.001");
    CHECK(groups[1].distinction == "learning_rate 0.01");
}

TEST_CASE("a threshold that is a word is told, too", "[groups]") {
    Run run = sample_run("linear", 3, 1);
    run.settings.threshold.reset();
    run.settings.all["averaging.threshold"] = "auto";
    const auto groups = make_groups({run, sample_run("linear", 3, 2)});
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].label == "linear, threshold auto");
    CHECK(groups[1].label == "linear, threshold 3");
}

TEST_CASE("a run that is not finished is in its group and in none of its medians", "[groups]") {
    Run broken = sample_run("linear", 3, 2);
    broken.result.reset();
    Run unknown;
    unknown.name = "results/x";
    const auto groups = make_groups({sample_run("linear", 3, 1), broken, unknown});
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].runs.size() == 2);
    CHECK(groups[0].finished == 1);
    CHECK(groups[0].rounds->count == 1);
    CHECK(groups[1].label == "results/x");
    CHECK_FALSE(groups[1].rounds);
}

TEST_CASE("ratios compare with the synchronous run of the same end", "[groups]") {
    Run synchronous = sample_run("every-step", 5, 1, 100);
    auto groups = make_groups({synchronous, sample_run("linear", 3, 1, 10)});
    REQUIRE(groups.size() == 2);
    CHECK(groups[0].label == "every-step");
    CHECK(groups[0].ratio_wire == 1.0);
    CHECK(groups[1].ratio_wire.value() == Approx(110'500.0 / 20'500));
    CHECK(groups[1].ratio_paper.value() == Approx(104'000.0 / 17'600));

    SECTION("not of other lengths") {
        synchronous.result->steps = 200;
        CHECK_FALSE(make_groups({synchronous, sample_run("linear", 3, 1)})[1].ratio_wire);
    }
    SECTION("not of other models") {
        synchronous.settings.model = "mlp";
        for (const Group& group : make_groups({synchronous, sample_run("linear", 3, 1)})) {
            CHECK(group.ratio_wire.has_value() == is_synchronous(group.settings));
        }
    }
    SECTION("with a target, of other lengths, but only if both have reached it") {
        Run run = sample_run("linear", 3, 1);
        run.settings.target_accuracy = synchronous.settings.target_accuracy = 0.98;
        synchronous.result->steps = 50;
        synchronous.result->reached_target = 50;
        CHECK_FALSE(make_groups({synchronous, run})[1].ratio_wire);
        run.result->reached_target = 100;
        CHECK(make_groups({synchronous, run})[1].ratio_wire);
    }
}
