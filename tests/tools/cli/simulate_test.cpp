#include "tests/tools/cli/simulate_program.hpp"

using namespace dynavg::cli;

TEST_CASE("simulate trains, writes its files and says what came out", "[simulate]") {
    const Workplace place;
    const Outcome done = shell(DYNAVG_PROGRAM " simulate " + place.with("--epochs 2 --seed 7") +
                               " 2> " + place.file("err"));
    CAPTURE(done.output);
    REQUIRE(done.code == 0);
    CHECK(has(done, "3 peers, 50 steps each (2 epochs), "));
    CHECK(has(done, "accuracy   reference 0."));
    CHECK(place.text("err").empty());  // No progress bar where there is no terminal.
    const std::string summary = place.text("out/summary.json");
    CHECK(summary.find("\"seed\": 7,") != std::string::npos);
    CHECK(summary.find("\"model_seed\": 7") != std::string::npos);
    CHECK(fs::exists(place.file("out/epochs.csv")));
    CHECK(fs::exists(place.file("out/rounds.csv")));
    const auto digest = [](const Outcome& outcome) {
        return outcome.output.substr(outcome.output.find("digest"), 43);
    };
    const Outcome again = simulate(place.with("--steps 50 --seed 7 --threads 1"));
    CHECK(digest(again) == digest(done));
    CHECK(digest(simulate(place.with("--steps 50 --seed 8"))) != digest(done));
}

TEST_CASE("simulate says whether the target was reached", "[simulate]") {
    const Workplace place;
    const Outcome reached = simulate(place.with("--epochs 2 --target-accuracy 0.12"));
    CHECK(reached.code == 0);
    CHECK(has(reached, "target     0.12 reached at step 25"));
    const Outcome missed = simulate(place.with("--epochs 1 --target-accuracy 1"));
    CHECK(missed.code == 0);
    CHECK(has(missed, "target     1 not reached"));
}

TEST_CASE("simulate says what goes wrong, and how to see it again", "[simulate]") {
    const Workplace place;
    const Outcome drawn = simulate(place.with("--steps 200 --seed 3 --faults random"));
    CAPTURE(drawn.output);
    REQUIRE(drawn.code == 0);
    CHECK(has(drawn, "seed       3\n"));
    const auto after = [](const std::string& text, const std::string& word) {
        const std::size_t begin = text.find(word) + word.size();
        return text.substr(begin, text.find_first_of("\n\"", begin) - begin);
    };
    const std::string schedule = after(drawn.output, "faults     ");
    const std::string summary = place.text("out/summary.json");
    CHECK(after(summary, "\"faults\": \"") == schedule);

    const std::string replay = after(drawn.output, "replay     dynavg ");
    CHECK(replay.ends_with(" --seed 3 --faults '" + schedule + "' --out '" + place.file("out") +
                           "'"));
    const Outcome again = shell(DYNAVG_PROGRAM " " + replay);
    CHECK(again.code == 0);
    CHECK(after(again.output, "digest     ") == after(drawn.output, "digest     "));
}

TEST_CASE("simulate refuses wrong arguments with 2", "[simulate]") {
    const Workplace place;
    CHECK(simulate(place.with("--help")).code == 0);
    CHECK(simulate(place.with("")).code == 2);
    CHECK(simulate(place.with("--steps 5 --epochs 1")).code == 2);
    CHECK(simulate(place.with("--steps 0")).code == 2);
    CHECK(simulate(place.with("--steps -5")).code == 2);
    CHECK(simulate(place.with("--steps 5 --target-accuracy 2")).code == 2);
    CHECK(simulate(place.with("--steps 5 --threads 0")).code == 2);
    for (const char* peers : {"0", "257", "-1", "three"}) {
        const Outcome outcome =
            simulate("--config c --out o --steps 5 --peers " + std::string(peers));
        CHECK(outcome.code == 2);
        CHECK(has(outcome, "--peers"));
    }
    const Outcome faults = simulate(place.with("--steps 5 --faults crash@1s:3"));
    CHECK(faults.code == 2);
    CHECK(has(faults, "--faults: "));
    CHECK(has(faults, "peers are 0 to 2"));
    const Outcome data = simulate(place.with("--steps 5 --data /srv/mnist"));
    CHECK(data.code == 2);
    CHECK(has(data, "source = \"synthetic-digits\", which reads no files"));
    place.write("free.toml", "[data]\nsource = \"synthetic-digits\"\n");
    const Outcome checks = simulate(place.with("--steps 5 --checks", "free.toml"));
    CHECK(checks.code == 2);
    CHECK(has(checks, "--checks: "));
    CHECK(has(checks, "pace = \"lockstep\""));
    place.write("untested.toml", "[data]\nsource = \"synthetic-digits\"\n");
    const Outcome target = simulate(place.with("--steps 5 --target-accuracy 0.9", "untested.toml"));
    CHECK(target.code == 2);
    CHECK(has(target, "has no [data.test]"));
    CHECK_FALSE(fs::exists(place.file("out")));
}

TEST_CASE("simulate balances in lockstep and without faults only", "[simulate]") {
    const Workplace place;
    place.write("balanced.toml",
                "[model]\nbuiltin = \"logistic\"\n[data]\nsource = \"synthetic-digits\"\n"
                "samples = 300\n[averaging]\nmonitor = \"local-balanced\"\npace = \"lockstep\"\n");
    const Outcome faults =
        simulate(place.with("--steps 5 --faults crash@1s:1+2s", "balanced.toml"));
    CHECK(faults.code == 2);
    CHECK(has(faults,
              "balanced.toml has monitor = \"local-balanced\", which runs without faults "
              "only; leave them out, or use \"local\""));
    const Outcome free =
        simulate(place.with("--steps 5 --set averaging.pace=free", "balanced.toml"));
    CHECK(free.code == 6);
    CHECK(has(free, "averaging.pace: must be \"lockstep\" with monitor = \"local-balanced\""));
    CHECK_FALSE(fs::exists(place.file("out")));
    CHECK(simulate(place.with("--steps 5", "balanced.toml")).code == 0);
    CHECK(place.text("out/summary.json").find("\"monitor\": \"local-balanced\"") !=
          std::string::npos);
}

TEST_CASE("simulate sets single keys, and writes down what it has run", "[simulate]") {
    const Workplace place;
    const std::string length = "--steps 5 --seed 3";
    const Outcome outcome = simulate(
        place.with(length + " --set averaging.threshold=0.25 --set averaging.monitor=norm"));
    CAPTURE(outcome.output);
    REQUIRE(outcome.code == 0);
    const std::string run = place.text("out/run.json");
    for (const char* part :
         {"\"peers\": 3,", "\"steps\": 5,", "\"epochs\": null,", "\"faults\": null,",
          "\"averaging.threshold\": 0.25,", "\"averaging.monitor\": \"norm\",",
          "\"model.hidden\": [", "\"training.seed\": 3"}) {
        CAPTURE(part);
        CHECK(run.find(part) != std::string::npos);
    }
    // The same asked for in another way.
    std::string text = kConfig;
    text.replace(text.find("threshold = 0.3"), 15, "threshold = 0.25\nmonitor = \"norm\"");
    place.write("small.toml", text);
    REQUIRE(simulate(place.with(length)).code == 0);
    CHECK(place.text("out/run.json") == run);

    const Outcome wrong = simulate(place.with(length + " --set averaging.threshold=0"));
    CHECK(wrong.code == 6);
    CHECK(has(wrong, "--set averaging.threshold=0: averaging.threshold: 0 is not allowed"));
    CHECK(simulate(place.with(length + " --set threshold")).code == 6);
}

TEST_CASE("simulate refuses an invalid configuration with 6", "[simulate]") {
    const Workplace place;
    place.write("bad.toml", "[data]\nsource = \"synthetic-digits\"\n[averaging]\nthreshhold = 3\n");
    const Outcome bad = simulate(place.with("--steps 5", "bad.toml"));
    CHECK(bad.code == 6);
    CHECK(has(bad, "bad.toml:4:1: averaging.threshhold: unknown key"));
    CHECK(simulate(place.with("--steps 5", "missing.toml")).code == 6);
}

TEST_CASE("simulate fails with 1 where it can't read or write", "[simulate]") {
    const Workplace place;
    place.write("mnist.toml", "[data]\nsource = \"idx\"\npath = \"/nowhere\"\n");
    const Outcome no_data = simulate(place.with("--steps 5", "mnist.toml"));
    CHECK(no_data.code == 1);
    CHECK(has(no_data, "/nowhere"));
    const Outcome other_data =
        simulate(place.with("--steps 5 --data " + place.file(""), "mnist.toml"));
    CHECK(other_data.code == 1);
    CHECK(has(other_data, place.file("")));

    fs::create_directories(place.file("out"));
    fs::remove(place.file("out/epochs.csv"));
    fs::create_symlink("/dev/full", place.file("out/epochs.csv"));
    const Outcome full = simulate(place.with("--steps 5"));
    CHECK(full.code == 1);
    CHECK(has(full, "epochs.csv can't be written: No space left on device"));
    CHECK_FALSE(fs::exists(place.file("out/summary.json")));
}

TEST_CASE("an interrupted simulation leaves whole tables and no summary", "[simulate]") {
    const Workplace place;
    const std::string epochs = place.file("out/epochs.csv");
    // Interrupted once the first epoch is written.
    const Outcome outcome =
        shell(DYNAVG_PROGRAM " simulate " + place.with("--steps 100000000 &") +
              "\npid=$!; until test \"$(wc -l 2> /dev/null < " + epochs +
              ")\" -ge 2; do kill -0 $pid || break; sleep 0.01; done; kill -INT $pid; wait $pid");
    CAPTURE(outcome.output);
    CHECK(outcome.code == 1);
    CHECK(has(outcome, "interrupted after "));
    CHECK_FALSE(fs::exists(place.file("out/summary.json")));
    CHECK(place.text("out/epochs.csv").ends_with("\n"));
    CHECK(place.text("out/rounds.csv").ends_with("\n"));
}

TEST_CASE("the configurations and grids of the experiments are valid", "[simulate]") {
    const Workplace place;
    for (const auto& entry : fs::directory_iterator(DYNAVG_SOURCE_DIR "/experiments")) {
        if (entry.path().extension() != ".toml") continue;
        CAPTURE(entry.path());
        const std::string path = entry.path().string();
        const bool is_grid = entry.path().stem().string().ends_with("-grid");
        const Outcome checked =
            is_grid ? simulate("--experiments " + path + " --list --out " + place.file("out"))
                    : shell(std::string(DYNAVG_PROGRAM) + " check-config --simulation " + path);
        CAPTURE(checked.output);
        CHECK(checked.code == 0);
    }
}
