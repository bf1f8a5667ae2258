#include <filesystem>
#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/tools/cli/run_program.hpp"

using namespace dynavg;
using Catch::Matchers::Contains;
using cli::Outcome;
using test::TemporaryFolder;

namespace {

Outcome run_export(const std::string& arguments) {
    return cli::run_program(DYNAVG_PROGRAM " export " + arguments);
}

}  // namespace

TEST_CASE("dynavg export is told what to write, and where", "[dynavg][export]") {
    const Outcome help = run_export("--help");
    CHECK(help.code == 0);
    CHECK_THAT(help.output, Contains("Example:\n  dynavg export --out model.pt"));
    CHECK(run_export("").code == 2);
    const Outcome ending = run_export("--out model.onnx");
    CHECK(ending.code == 2);
    CHECK_THAT(ending.output, Contains("dynavg: model.onnx: the name says the format"));
    CHECK(run_export("--out model.pt --config /nowhere/dynavg.toml").code == 6);
}

TEST_CASE("dynavg export says what keeps it from writing, and writes nothing", "[dynavg][export]") {
    const TemporaryFolder folder;
    const std::string config = (folder / "a.toml").string();
    std::ofstream(config) << "[node]\nnetwork = \"robots\"\nstate_dir = \""
                          << (folder / "state").string()
                          << "\"\n[data]\nsource = \"synthetic-digits\"\n";
    const std::string arguments = "--out " + (folder / "model.pt").string() + " --config " + config;
    const Outcome missing = run_export(arguments);
    CHECK(missing.code == 1);
    CHECK_THAT(missing.output,
               Contains("dynavg: cannot read the state folder " + (folder / "state").string()));
    std::filesystem::create_directory(folder / "other");
    const Outcome empty = run_export(arguments + " --state " + (folder / "other").string());
    CHECK(empty.code == 1);
    CHECK_THAT(empty.output, Contains("other holds no reference yet"));
    CHECK_FALSE(std::filesystem::exists(folder / "model.pt"));
}
