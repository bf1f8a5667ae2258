#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/verb.hpp"
#include "tools/report/folders.hpp"
#include "tools/report/groups.hpp"
#include "tools/report/json.hpp"
#include "tools/report/page.hpp"
#include "tools/report/table.hpp"

namespace dynavg::cli {

namespace {

struct Options {
    std::vector<std::filesystem::path> folders;
    std::filesystem::path out = "report.html";
    bool json = false;
};

ExitCode run(const Options& options) {
    auto runs = report::read_runs(options.folders);
    if (!runs) {
        complain(runs.error().message);
        return ExitCode::failed;
    }
    ExitCode result = ExitCode::done;
    for (const report::Run& run : *runs) {
        for (const std::string& problem : run.problems) {
            complain(problem);
            result = ExitCode::failed;
        }
    }
    const std::vector<report::Group> groups = report::make_groups(std::move(*runs));
    if (options.json) {
        fmt::print("{}\n", report::to_json(groups).dump(2));
    } else {
        fmt::print("{}", report::terminal_text(groups));
    }
    if (options.out.empty()) return result;
    if (const auto written = report::write_file(options.out, report::page(groups)); !written) {
        complain(written.error().message);
        return ExitCode::failed;
    }
    if (!options.json) fmt::print("\ncharts     {}\n", options.out.string());
    return result;
}

}  // namespace

void add_report(CLI::App& app, ExitCode& result) {
    CLI::App* verb = app.add_subcommand("report", "Compares runs of `dynavg simulate`");
    const auto options = std::make_shared<Options>();
    verb->add_option("DIR", options->folders,
                     "Folders of runs, or folders that have such below them, as a grid's")
        ->required()
        ->type_name("");
    verb->add_option("--out", options->out,
                     "The page with charts; replaced if it is there. \"\" writes none")
        ->capture_default_str()
        ->type_name("FILE");
    verb->add_flag("--json", options->json, "Print runs and their medians as JSON");
    verb->footer(
        "Example:\n  dynavg report results --out results/report.html\n\n"
        "Runs that differ in their seeds only share a row. Exit code 1 if a file could not be "
        "read; the rest is reported all the same.");
    verb->callback([options, &result] { result = run(*options); });
}

}  // namespace dynavg::cli
