#include "tools/report/read.hpp"

#include <cmath>

#include "tests/catch.hpp"

using namespace dynavg::report;
using Catch::Matchers::Contains;

namespace {

const std::string kSummary = R"({
  "peers": 10, "steps": 100, "epochs": 2.0, "rounds": 2, "parameters": 61706,
  "model": "lenet5", "monitor": "linear", "threshold": 3.0, "pace": "lockstep",
  "bytes_monitoring": 100, "bytes_averaging": 2000, "bytes_overhead": 7, "bytes_total": 2107,
  "bytes_paper": 1900, "accuracy_reference": 0.98, "accuracy_mean": 0.981, "digest": "00ff",
  "target_accuracy": null, "reached_target": null, "seed": 5, "model_seed": 5, "faults": null,
  "of_a_later_version": {"a": [1]}
})";

const std::string kEpochs =
    "epoch,step,rounds,accuracy_reference,accuracy_mean,train_loss,bytes_monitoring,"
    "bytes_averaging,later\n"
    "1,50,1,0.9,,0.5,50,1000,x\n"
    "2,100,2,0.98,0.981,0.2,100,2000,y\n";

const std::string kRounds =
    "round,step,estimate,exact_variance,threshold,participants,duration_ms,bytes,reason\n"
    "1,40,inf,2.5,3,10,4.5,1000,every-step\n"
    "2,100,nan,nan,3,10,4.5,1000,final\n";

RunTexts texts() {
    return {.run = std::nullopt, .summary = kSummary, .epochs = kEpochs, .rounds = kRounds};
}

Run read(const RunTexts& given) {
    return read_run(given, "results/a", "a");
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
    return text.replace(text.find(what), what.size(), by);
}

}  // namespace

TEST_CASE("a run's files are read, with whatever else they hold", "[read]") {
    const Run run = read(texts());
    CHECK(run.problems.empty());
    REQUIRE(run.result);
    CHECK(run.result->bytes_total == 2107);
    CHECK(run.result->accuracy_mean == 0.981);
    CHECK_FALSE(run.result->reached_target);
    CHECK(run.settings.monitor == "linear");
    CHECK(run.settings.seed == 5U);
    REQUIRE(run.epochs.size() == 2);
    CHECK_FALSE(run.epochs[0].accuracy_mean);
    CHECK(accuracy_of(run.epochs[0]) == 0.9);
    CHECK(accuracy_of(run.epochs[1]) == 0.981);
    REQUIRE(run.rounds.size() == 2);
    CHECK(std::isinf(run.rounds[0].estimate));
    CHECK(std::isnan(run.rounds[1].estimate));
    CHECK(run.rounds[1].reason == "final");
}

TEST_CASE("run.json tells the whole configuration, and seeds are not part of it", "[read]") {
    RunTexts given = texts();
    given.run = R"({"peers": 10, "epochs": 2, "target_accuracy": 0.985, "configuration": {
        "averaging.threshold": 3, "averaging.monitor": "linear", "averaging.outer_optimizer": "momentum",
        "training.seed": 5, "model.seed": 5, "training.learning_rate": 0.001}})";
    const Settings settings = read(given).settings;
    CHECK(settings.outer_optimizer == "momentum");
    CHECK(settings.target_accuracy == 0.985);
    CHECK(settings.seed == 5U);
    CHECK(settings.all.at("training.learning_rate") == "0.001");
    CHECK_FALSE(settings.all.contains("training.seed"));
    CHECK_FALSE(settings.all.contains("model.seed"));
    // Then the summary adds nothing: its fields are partly results.
    CHECK_FALSE(settings.all.contains("parameters"));
}

TEST_CASE("without summary.json a run is not finished, and no file of it is wrong", "[read]") {
    RunTexts given = texts();
    given.summary.reset();
    given.epochs = kEpochs.substr(0, kEpochs.size() - 10);
    given.rounds = "round,st";
    const Run run = read(given);
    CHECK_FALSE(run.result);
    CHECK(run.problems.empty());
    CHECK(run.epochs.size() == 1);
}

TEST_CASE("a broken summary is an error that names its file and the remedy", "[read]") {
    const auto problem = [](const std::string& summary) {
        RunTexts given = texts();
        given.summary = summary;
        const Run run = read(given);
        CHECK_FALSE(run.result);
        // The tables stand for themselves.
        CHECK(run.epochs.size() == 2);
        REQUIRE(run.problems.size() == 1);
        CHECK_THAT(run.problems[0], Contains("results/a/summary.json: "));
        CHECK_THAT(run.problems[0], Contains("run the experiment again"));
        return run.problems[0];
    };
    CHECK_THAT(problem(kSummary.substr(0, 50)), Contains("is cut off"));
    CHECK_THAT(problem(""), Contains("is cut off"));
    CHECK_THAT(problem("x" + kSummary), Contains("is damaged at byte 1"));
    CHECK_THAT(problem("[]"), Contains("is no JSON object"));
    CHECK_THAT(problem("{}"), Contains("steps, epochs, rounds"));
    CHECK_THAT(problem(replaced(kSummary, "2107", "-1")), Contains("bytes_total missing"));
    CHECK_THAT(problem(replaced(kSummary, "2107", "1e999")), Contains("too large"));
    CHECK_THAT(problem(replaced(kSummary, "2107", "\"2107\"")), Contains("bytes_total missing"));
}

TEST_CASE("a broken table is told and drawn as far as it goes", "[read]") {
    RunTexts given = texts();
    SECTION("a cell is no number") {
        given.epochs = replaced(kEpochs, "2,100,2", "2,many,2");
        const Run run = read(given);
        CHECK(run.epochs.size() == 1);
        REQUIRE(run.problems.size() == 1);
        CHECK_THAT(run.problems[0],
                   Contains("results/a/epochs.csv: line 3 has \"many\" in column step; the"));
    }
    SECTION("a column is missing") {
        given.rounds = replaced(kRounds, "estimate", "guess");
        const Run run = read(given);
        CHECK(run.rounds.empty());
        REQUIRE(run.problems.size() == 1);
        CHECK_THAT(run.problems[0], Contains("rounds.csv: has no column estimate"));
    }
    SECTION("the last line is cut") {
        given.rounds = kRounds.substr(0, kRounds.size() - 3);
        const Run run = read(given);
        CHECK(run.rounds.size() == 1);
        REQUIRE(run.problems.size() == 1);
        CHECK_THAT(run.problems[0], Contains("rounds.csv: its last line is cut off"));
    }
    SECTION("whole lines are missing") {
        given.rounds = kRounds.substr(0, kRounds.find("2,100,nan"));
        given.epochs = kEpochs.substr(0, kEpochs.find("2,100,2"));
        const Run run = read(given);
        REQUIRE(run.problems.size() == 2);
        CHECK_THAT(run.problems[0], Contains("epochs.csv: ends at step 50 of 100"));
        CHECK_THAT(run.problems[1], Contains("rounds.csv: has 1 of 2 rounds"));
    }
    SECTION("it is missing") {
        given.epochs.reset();
        const Run run = read(given);
        REQUIRE(run.problems.size() == 1);
        CHECK_THAT(run.problems[0], Contains("epochs.csv: is missing"));
    }
    SECTION("it is empty") {
        given.epochs = "";
        REQUIRE(read(given).problems.size() == 1);
    }
}
