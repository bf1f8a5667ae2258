#include <algorithm>
#include <cmath>
#include <fstream>

#include <fmt/format.h>

#include "protocol/base/random.hpp"
#include "simulation/experiment/result_files.hpp"
#include "tests/catch.hpp"
#include "tests/simulation/experiment/experiment_support.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::simulation;
using namespace dynavg::simulation::tests;

TEST_CASE("an experiment tells of every epoch and every round", "[experiment]") {
    Heard heard;
    const Summary summary = run(small_options("threshold = 0.25"), heard).summary;

    REQUIRE(heard.epochs.size() == 3);
    CHECK(heard.epochs[0].step == 25);
    CHECK(heard.epochs[1].step == 50);
    CHECK(heard.epochs[2].step == 60);
    CHECK(heard.epochs[1].epoch == 2);
    CHECK(heard.epochs[2].epoch == Approx(2.4));
    CHECK(heard.epochs[0].train_loss > heard.epochs[2].train_loss);
    for (const EpochRow& row : heard.epochs) {
        CHECK(row.accuracy_reference.value() > 0.1);
        CHECK(row.accuracy_mean.value() <= 1);
    }
    CHECK(heard.progress.size() == 60);
    CHECK(heard.warnings.empty());

    REQUIRE(heard.rounds.size() >= 3);
    std::uint64_t bytes = 0;
    for (std::size_t i = 0; i < heard.rounds.size(); ++i) {
        const RoundRow& row = heard.rounds[i];
        const bool last = i + 1 == heard.rounds.size();
        CHECK(row.round == i + 1);
        CHECK(row.step >= (i == 0 ? 1 : heard.rounds[i - 1].step));
        CHECK(row.reason == (last ? "final" : "crossing"));
        CHECK((last || row.estimate > row.threshold));
        CHECK(row.threshold == 0.25);
        CHECK(row.participants == 3);
        CHECK(row.duration_ms > 0);
        bytes += row.bytes;
    }
    CHECK(heard.rounds.back().step == 60);
    CHECK(summary.rounds == heard.rounds.size());
    CHECK(summary.bytes_averaging == bytes);
    // Everyone sends its model once as shards and a third of the mean twice, in chunks.
    const double model = 4.0 * static_cast<double>(summary.parameters);
    CHECK(static_cast<double>(bytes) ==
          Approx(3 * 2 * 2.0 / 3 * model * static_cast<double>(summary.rounds)).epsilon(0.02));

    CHECK(summary.peers == 3);
    CHECK(summary.steps == 60);
    CHECK(summary.epochs == Approx(2.4));
    CHECK(summary.accuracy_reference == summary.accuracy_mean);
    CHECK(summary.bytes_total() ==
          summary.bytes_monitoring + summary.bytes_averaging + summary.bytes_overhead);
    CHECK_FALSE(summary.reached_target);
}

TEST_CASE("the last reference is that of the papers' algorithm in a plain loop", "[experiment]") {
    for (const char* averaging :
         {"monitor = \"linear\"\nthreshold = 0.3", "monitor = \"norm\"\nthreshold = 0.5",
          "monitor = \"sketch\"\nthreshold = 0.3", "monitor = \"exact\"\nthreshold = 0.2"}) {
        CAPTURE(averaging);
        const ExperimentOptions options = small_options(averaging);
        CHECK(summary_of(options).digest == digest_of_plain_loop(options.config, 3, 60));
    }
    // Here the last step's round leaves nothing for a final one.
    const ExperimentOptions every_step = small_options("monitor = \"every-step\"");
    const Summary summary = summary_of(every_step);
    CHECK(summary.rounds == 60);
    CHECK(summary.digest == digest_of_plain_loop(every_step.config, 3, 60));
}

TEST_CASE(
    "a model with buffers gives the plain loop's bits, and its variance is that of what is "
    "learned",
    "[experiment]") {
    const test::TemporaryFolder folder;
    std::ofstream batch(folder / "data_batch_1.bin", std::ios::binary);
    protocol::RandomStream stream(1, protocol::RandomPurpose::test);
    for (int record = 0; record < 12; ++record) {
        batch.put(static_cast<char>(record % 10));
        for (int pixel = 0; pixel < 3072; ++pixel) batch.put(static_cast<char>(stream() & 0xFFU));
    }
    batch.close();
    const auto config = config::parse_config(
        fmt::format("[model]\nbuiltin = \"densenet121\"\n[data]\nsource = \"cifar10\"\n"
                    "path = \"{}\"\n[training]\noptimizer = \"sgd\"\nlearning_rate = 0.01\n"
                    "batch_size = 2\n[averaging]\npace = \"lockstep\"\nthreshold = 1e-6\n",
                    (folder / "").string()),
        "densenet.toml");
    if (!config) FAIL(config.error().message);
    ExperimentOptions options;
    options.config = *config;
    options.peers = 2;
    options.length = Steps{3};
    Heard heard;
    const Summary summary = run(options, heard).summary;
    CHECK(summary.parameters == 6'964'106);
    CHECK(summary.digest == digest_of_plain_loop(*config, 2, 3));
    REQUIRE(heard.rounds.size() >= 2);
    for (const RoundRow& row : heard.rounds) {
        if (row.reason != "crossing") continue;
        CHECK(row.exact_variance > 0);
        CHECK(row.exact_variance <= row.estimate * (1 + 1e-5));
    }
}

TEST_CASE("threads change nothing, seeds do", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.length = Steps{30};
    const Summary first = summary_of(options);
    for (const std::size_t threads : {1U, 3U}) {
        options.threads = threads;
        const Summary again = summary_of(options);
        CHECK(again.digest == first.digest);
        CHECK(summary_text(again) == summary_text(first));
    }
    options.config.training.seed = 2;
    CHECK(summary_of(options).digest != first.digest);
}

TEST_CASE("the estimate of a round is never below the exact variance", "[experiment]") {
    for (const char* averaging :
         {"monitor = \"linear\"\nthreshold = 0.1", "monitor = \"norm\"\nthreshold = 0.2",
          "monitor = \"exact\"\nthreshold = 0.05"}) {
        CAPTURE(averaging);
        Heard heard;
        run(small_options(averaging), heard);
        REQUIRE(heard.rounds.size() > 3);
        for (const RoundRow& row : heard.rounds) {
            CHECK(row.exact_variance > 0);
            CHECK(row.estimate >= row.exact_variance * (1 - 1e-6));
        }
    }
}

TEST_CASE("the exact monitor's estimate is the exact variance", "[experiment]") {
    Heard heard;
    run(small_options("monitor = \"exact\"\nthreshold = 0.05"), heard);
    for (const RoundRow& row : heard.rounds) {
        CHECK(row.estimate == Approx(row.exact_variance).epsilon(1e-5));
    }
}

TEST_CASE("checks tell estimate and exact variance of every step", "[experiment]") {
    for (const char* averaging :
         {"monitor = \"linear\"\nthreshold = 0.1", "monitor = \"norm\"\nthreshold = 0.2",
          "monitor = \"exact\"\nthreshold = 0.05", "monitor = \"cascade\"\nthreshold = 0.1",
          "monitor = \"local\"\nthreshold = 0.2"}) {
        CAPTURE(averaging);
        ExperimentOptions options = small_options(averaging);
        const Summary unchecked = summary_of(options);
        CHECK_FALSE(unchecked.checks);
        options.checks = true;
        Heard heard;
        const Summary summary = run(options, heard).summary;
        CHECK(summary.digest == unchecked.digest);
        REQUIRE(heard.checks.size() == 60);
        REQUIRE(summary.checks);
        CHECK(summary.checks->checks == 60);
        // A sketch may be a little too low.
        CHECK(summary.checks->ratio_min > 0.9);
        if (options.config.averaging.monitor != protocol::MonitorKind::cascade) {
            CHECK(summary.checks->ratio_min > 1 - 1e-6);
        }
        for (std::size_t i = 0; i < heard.checks.size(); ++i) CHECK(heard.checks[i].step == i + 1);
        // The bounds that opened a round are above the threshold, and no others are.
        std::size_t crossings = 0;
        for (const RoundRow& round : heard.rounds) {
            const CheckRow& check = heard.checks.at(round.step - 1);
            CHECK(check.estimate == round.estimate);
            CHECK(check.exact_variance == round.exact_variance);
            crossings += check.estimate > check.threshold ? 1 : 0;
        }
        const auto above =
            std::count_if(heard.checks.begin(), heard.checks.end(),
                          [](const CheckRow& check) { return check.estimate > check.threshold; });
        CHECK(static_cast<std::size_t>(above) == crossings);
        CHECK(crossings > 1);
    }
}

TEST_CASE("bytes by the papers' formula", "[experiment]") {
    const auto summary = [](const std::string& monitor) {
        ExperimentOptions options = small_options("threshold = 0.5\nmonitor = \"" + monitor + "\"");
        options.length = Steps{20};
        return summary_of(options);
    };
    const auto rounds_bytes = [](const Summary& of) { return of.rounds * of.parameters * 24; };
    const Summary linear = summary("linear");
    CHECK(linear.parameters == 784 * 16 + 16 + 16 * 10 + 10);
    CHECK(linear.bytes_paper == rounds_bytes(linear) + 20 * 3 * 8);
    const Summary norm = summary("norm");
    CHECK(norm.bytes_paper == rounds_bytes(norm) + 20 * 3 * 4);
    const Summary sketch = summary("sketch");
    CHECK(sketch.bytes_paper == rounds_bytes(sketch) + 20 * 3 * (4 + 4 * 5 * 256));
    const Summary exact = summary("exact");
    CHECK(exact.bytes_paper == rounds_bytes(exact) + 20 * 3 * (4 + 4 * exact.parameters));
    const Summary every_step = summary("every-step");
    CHECK(every_step.bytes_paper == rounds_bytes(every_step));
}

TEST_CASE("every step a round: the mean model is the next reference", "[experiment]") {
    ExperimentOptions options = small_options("monitor = \"every-step\"");
    options.length = Epochs{1};
    Heard heard;
    const Summary summary = run(options, heard).summary;
    CHECK(summary.steps == 25);
    CHECK(summary.rounds == 25);
    CHECK(heard.rounds.size() == 25);
    CHECK(std::isinf(heard.rounds.front().estimate));
    CHECK(heard.rounds.front().reason == "every-step");
    // The mean is summed in double here and in float there.
    CHECK(heard.epochs.back().accuracy_mean.value() ==
          Approx(summary.accuracy_reference.value()).margin(0.01));
}

TEST_CASE("a run ends at the first epoch that reaches the target", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.target_accuracy = 0.15;
    Heard heard;
    const Summary reached = run(options, heard).summary;
    REQUIRE(heard.epochs.size() == 1);
    CHECK(heard.epochs[0].accuracy_mean.value() >= 0.15);
    CHECK(reached.reached_target == 25);
    CHECK(reached.steps == 25);
    CHECK(reached.accuracy_mean == heard.epochs[0].accuracy_mean);

    options.target_accuracy = 1.0;
    const Summary missed = summary_of(options);
    CHECK(missed.steps == 60);
    CHECK_FALSE(missed.reached_target);
}

TEST_CASE("without test data nothing is evaluated", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.config.data.test.reset();
    Heard heard;
    const Summary summary = run(options, heard).summary;
    CHECK_FALSE(summary.accuracy_reference);
    CHECK_FALSE(summary.accuracy_mean);
    CHECK(heard.epochs.size() == 3);
    CHECK_FALSE(heard.epochs[0].accuracy_mean);
}

TEST_CASE("in free pace an experiment ends with one reference too", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.config.averaging.pace = protocol::Pace::free;
    const Summary summary = summary_of(options);
    CHECK(summary.steps == 60);
    CHECK(summary.rounds >= 2);
    CHECK(summary.accuracy_reference == summary.accuracy_mean);
    options.threads = 1;
    CHECK(summary_of(options).digest == summary.digest);
}

TEST_CASE("one peer alone trains to its end", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.peers = 1;
    Heard heard;
    CHECK(run(options, heard).summary.rounds == 1);
    CHECK(heard.rounds.back().reason == "final");
}

TEST_CASE("a peer that crashes starts again from its disk and ends with the others",
          "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.length = Steps{300};
    options.faults = parse_faults("crash@1500ms:1+3s,crash@7s#1:0+500ms", 3).value();
    Heard heard;
    const Summary summary = run(options, heard).summary;
    CHECK(summary.steps == 300);
    CHECK(summary.accuracy_reference == summary.accuracy_mean);
    CHECK(summary.faults == "crash@1500ms:1+3s,crash@7s#1:0+500ms");
    CHECK(heard.faults == summary.faults);
    CHECK(heard.rounds.size() == summary.rounds);
    CHECK(heard.progress.size() == 300);
    // A peer that crashes at its first word in a round lives again as another member: the others
    // go on without it.
    CHECK(std::any_of(heard.rounds.begin(), heard.rounds.end(),
                      [](const RoundRow& row) { return row.participants == 2; }));
    CHECK(heard.rounds.back().participants == 3);

    options.threads = 1;
    const Summary again = summary_of(options);
    CHECK(again.digest == summary.digest);
    CHECK(summary_text(again) == summary_text(summary));
    options.faults = {};
    CHECK(summary_of(options).digest != summary.digest);
}

TEST_CASE("a peer that is lost for ever is not waited for", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.length = Steps{300};
    options.faults = parse_faults("crash@1500ms:2", 3).value();
    Heard heard;
    const Summary summary = run(options, heard).summary;
    CHECK(summary.steps == 300);
    CHECK(summary.rounds == heard.rounds.size());
    CHECK(heard.rounds.back().participants == 2);
    CHECK(summary.accuracy_reference == summary.accuracy_mean);
    CHECK(heard.epochs.back().step == 300);
}

TEST_CASE("a network with faults of a seed comes to its end", "[experiment]") {
    for (const char* averaging :
         {"threshold = 0.3", "threshold = 0.3\nmonitor = \"norm\"", "monitor = \"every-step\""}) {
        for (std::uint64_t seed = 1; seed <= 4; ++seed) {
            ExperimentOptions options = small_options(averaging);
            options.config.training.seed = seed;
            options.config.averaging.pace =
                seed % 2 == 0 ? protocol::Pace::free : protocol::Pace::lockstep;
            options.peers = 4;
            options.length = Steps{200};
            options.faults = RandomFaults{};
            Heard heard;
            const Outcome outcome = run(options, heard);
            CAPTURE(averaging, seed, heard.faults);
            CHECK(outcome.summary.steps == 200);
            CHECK(outcome.summary.accuracy_reference == outcome.summary.accuracy_mean);
            CHECK_FALSE(heard.faults.empty());
        }
    }
}

TEST_CASE("a listener can end a run", "[experiment]") {
    Heard heard;
    heard.stop_at_step = 10;
    const Outcome outcome = run(small_options("threshold = 0.3"), heard);
    CHECK(outcome.stopped);
    CHECK(outcome.summary.steps == 10);
}

TEST_CASE("models that diverge are dropped, and told of", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 1.0");
    options.config.training.optimizer = config::OptimizerKind::sgd;
    options.config.training.learning_rate = 1e30;
    options.length = Steps{5};
    Heard heard;
    CHECK(run(options, heard).summary.steps == 5);
    REQUIRE_FALSE(heard.warnings.empty());
    CHECK(heard.warnings[0].starts_with("peer "));
}

TEST_CASE("data that can't be cut among the peers is an error", "[experiment]") {
    ExperimentOptions options = small_options("threshold = 0.3");
    options.config.data.samples = 2;
    Heard heard;
    const auto outcome = run_experiment(options, heard);
    REQUIRE_FALSE(outcome);
    CHECK_FALSE(outcome.error().message.empty());
}

TEST_CASE("epochs end at rounded steps, each at least one after the other", "[experiment]") {
    CHECK(epoch_end(20, 187.5) == 3750);
    CHECK(epoch_end(1, 187.5) == 188);
    CHECK(epoch_end(2, 187.5) == 375);
    CHECK(epoch_end(0, 187.5) == 0);
    CHECK(epoch_end(3, 0.2) == 3);
}
