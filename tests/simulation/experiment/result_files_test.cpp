#include "simulation/experiment/result_files.hpp"

#include <filesystem>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/simulation/experiment/experiment_support.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg;
using namespace dynavg::simulation;
using test::TemporaryFolder;
namespace fs = std::filesystem;

namespace {

std::string text_of(const fs::path& file) {
    std::ostringstream text;
    text << std::ifstream(file).rdbuf();
    return text.str();
}

/// Cells by line; the first line is the header.
std::vector<std::vector<std::string>> table_of(const fs::path& file) {
    std::vector<std::vector<std::string>> table;
    std::istringstream lines(text_of(file));
    for (std::string line; std::getline(lines, line);) {
        auto& row = table.emplace_back();
        std::istringstream cells(line);
        for (std::string cell; std::getline(cells, cell, ',');) row.push_back(cell);
    }
    return table;
}

/// Writes files as the program does.
struct Writer final : ExperimentListener {
    explicit Writer(ResultFiles& written) : files(written) {}
    void on_epoch(const EpochRow& row) override { CHECK(files.add(row)); }
    void on_round(const RoundRow& row) override { CHECK(files.add(row)); }
    void on_check(const CheckRow& row) override { CHECK(files.add(row)); }
    ResultFiles& files;
};

}  // namespace

TEST_CASE("the files of an experiment agree with each other", "[result_files]") {
    const TemporaryFolder folder;
    const fs::path out = folder.path() / "results" / "first";
    auto files = ResultFiles::create(out);
    REQUIRE(files);
    Writer writer(*files);
    const auto outcome = tests::run(tests::small_options("threshold = 0.3"), writer);
    CHECK_FALSE(fs::exists(out / "summary.json"));
    REQUIRE(files->finish(outcome.summary));

    const auto summary = nlohmann::json::parse(text_of(out / "summary.json"));
    for (const char* field :
         {"peers", "steps", "rounds", "balancings", "balanced_models", "bytes_balancing",
          "parameters", "bytes_monitoring", "bytes_averaging", "bytes_total", "bytes_paper",
          "accuracy_reference", "accuracy_mean", "digest", "wall_s", "reached_target", "seed"}) {
        CAPTURE(field);
        CHECK(summary.contains(field));
    }
    CHECK(summary["reached_target"].is_null());
    CHECK(summary["digest"].get<std::string>().size() == 32);

    const auto epochs = table_of(out / "epochs.csv");
    REQUIRE(epochs.size() == 4);
    CHECK(epochs[0] == std::vector<std::string>{"epoch", "step", "rounds", "accuracy_reference",
                                                "accuracy_mean", "train_loss", "bytes_monitoring",
                                                "bytes_averaging"});
    CHECK(epochs[3][0] == "2.4");
    CHECK(epochs[3][1] == "60");
    // The final round comes after the last epoch's row.
    CHECK(std::stoull(epochs[3][2]) + 1 == summary["rounds"]);

    const auto rounds = table_of(out / "rounds.csv");
    REQUIRE(rounds.size() == summary["rounds"].get<std::size_t>() + 1);
    CHECK(rounds[0] == std::vector<std::string>{"round", "step", "estimate", "exact_variance",
                                                "threshold", "participants", "duration_ms", "bytes",
                                                "reason"});
    std::uint64_t bytes = 0;
    for (std::size_t i = 1; i < rounds.size(); ++i) {
        REQUIRE(rounds[i].size() == 9);
        CHECK(std::stod(rounds[i][2]) >= std::stod(rounds[i][3]) * (1 - 1e-6));
        bytes += std::stoull(rounds[i][7]);
    }
    CHECK(bytes == summary["bytes_averaging"]);
}

TEST_CASE("files of an earlier run are replaced", "[result_files]") {
    const TemporaryFolder folder;
    auto first = ResultFiles::create(folder.path());
    REQUIRE(first);
    REQUIRE(first->add(EpochRow{}));
    REQUIRE(first->add(CheckRow{7, 3, 2, 5}));
    REQUIRE(first->finish({}));
    CHECK(text_of(folder.path() / "checks.csv") ==
          "step,estimate,exact_variance,threshold\n7,3,2,5\n");
    CHECK(table_of(folder.path() / "epochs.csv").size() == 2);

    const auto second = ResultFiles::create(folder.path());
    REQUIRE(second);
    CHECK_FALSE(fs::exists(folder.path() / "summary.json"));
    CHECK_FALSE(fs::exists(folder.path() / "checks.csv"));
    CHECK(table_of(folder.path() / "epochs.csv").size() == 1);
}

TEST_CASE("numbers that are missing are empty cells and nulls", "[result_files]") {
    const TemporaryFolder folder;
    auto files = ResultFiles::create(folder.path());
    REQUIRE(files);
    EpochRow row;
    row.epoch = 3;
    row.train_loss = 0.25;
    REQUIRE(files->add(row));
    CHECK(text_of(folder.path() / "epochs.csv").ends_with("\n3,0,0,,,0.25,0,0\n"));
    const auto summary = nlohmann::json::parse(summary_text({}));
    CHECK(summary["accuracy_mean"].is_null());
    CHECK(summary["reached_target"].is_null());
}

TEST_CASE("files that can't be written are told by name", "[result_files]") {
    const auto has = [](const Error& error, const char* part) {
        return error.message.find(part) != std::string::npos;
    };
    const TemporaryFolder folder;
    const fs::path file = folder.path() / "file";
    std::ofstream(file) << "in the way";
    const auto no_folder = ResultFiles::create(file / "out");
    REQUIRE_FALSE(no_folder);
    CHECK(has(no_folder.error(), "file/out can't be written: "));

    fs::create_symlink("/dev/full", folder.path() / "rounds.csv");
    const auto full = ResultFiles::create(folder.path());
    REQUIRE_FALSE(full);
    CHECK(has(full.error(), "rounds.csv can't be written: No space left"));
}
