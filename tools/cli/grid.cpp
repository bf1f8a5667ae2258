#include "tools/cli/grid.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <fnmatch.h>

#include "config/grid.hpp"
#include "config/names.hpp"
#include "simulation/experiment/description.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/child_runs.hpp"
#include "tools/cli/grid_folders.hpp"
#include "tools/cli/progress_bar.hpp"
#include "tools/cli/run_experiment.hpp"
#include "tools/cli/units.hpp"
#include "tools/report/folders.hpp"
#include "tools/report/groups.hpp"
#include "tools/report/table.hpp"

namespace dynavg::cli {

namespace fs = std::filesystem;

namespace {

/// More folders of other runs are only counted.
constexpr std::size_t kRefusalsShown = 5;

struct GridTask {
    std::string name;
    fs::path folder;
    simulation::ExperimentOptions experiment;
    FolderState state;
};

bool is_chosen(const config::GridRun& run, const std::vector<std::string>& only) {
    return only.empty() || std::any_of(only.begin(), only.end(), [&run](const std::string& name) {
               return name == run.experiment || fnmatch(name.c_str(), run.name.c_str(), 0) == 0;
           });
}

simulation::ExperimentOptions experiment_of(config::GridRun&& run, const GridOptions& options,
                                            std::size_t threads) {
    simulation::ExperimentOptions experiment;
    if (!options.data.empty()) {
        run.config.data.path = options.data;
        if (run.config.data.test) run.config.data.test->path.clear();
    }
    experiment.peers = run.peers;
    if (run.epochs) {
        experiment.length = simulation::Epochs{*run.epochs};
    } else {
        experiment.length = simulation::Steps{run.steps.value()};
    }
    experiment.target_accuracy = run.target_accuracy;
    experiment.checks = run.checks;
    experiment.threads = std::min<std::size_t>(threads, run.peers);
    experiment.config = std::move(run.config);
    return experiment;
}

/// Writes what happens, and keeps count.
class GridWatcher final : public ChildListener {
public:
    GridWatcher(const std::vector<const GridTask*>& tasks, std::size_t finished_before)
        : m_tasks(tasks) {
        m_progress.finished_before = finished_before;
        m_progress.runs = tasks.size();
    }

    void on_start(std::size_t index) override { m_shares[index] = 0; }

    void on_progress(std::size_t index, const simulation::Progress& progress) override {
        const auto steps = static_cast<double>(std::max<std::uint64_t>(1, progress.steps));
        m_shares[index] = std::min(1.0, static_cast<double>(progress.step) / steps);
        m_progress.current =
            fmt::format("{} step {}/{}", m_tasks[index]->name, progress.step, progress.steps);
        m_progress.running = m_shares.size();
        m_progress.running_share = 0;
        for (const auto& [run, share] : m_shares) m_progress.running_share += share;
        const double seconds = std::chrono::duration<double>(Clock::now() - m_begin).count();
        m_line.show([&](std::size_t columns) { return grid_line(m_progress, seconds, columns); });
    }

    void on_warning(std::size_t index, const std::string& sentence) override {
        m_line.clear();
        complain(m_tasks[index]->name + ": " + sentence);
    }

    void on_end(std::size_t index, const ChildEnd& end) override {
        m_shares.erase(index);
        m_line.clear();
        ++m_progress.ended;
        const std::string& name = m_tasks[index]->name;
        if (end.kind == ChildEnd::Kind::done) {
            fmt::print("run {} of {}  {}: {}\n", m_progress.finished_before + m_progress.ended,
                       m_progress.finished_before + m_tasks.size(), name, end.text);
            std::fflush(stdout);
        } else if (end.kind == ChildEnd::Kind::failed) {
            complain(name + ": " + end.text);
            m_failed.push_back(name);
        }
    }

    void end() { m_line.clear(); }
    [[nodiscard]] const std::vector<std::string>& failed() const { return m_failed; }

private:
    using Clock = std::chrono::steady_clock;

    const std::vector<const GridTask*>& m_tasks;
    StatusLine m_line;
    GridProgress m_progress;
    std::map<std::size_t, double> m_shares;  ///< Of the steps, for each that runs.
    std::vector<std::string> m_failed;
    Clock::time_point m_begin = Clock::now();
};

/// The line about a run that has come to its end.
std::string end_text(const simulation::Summary& summary) {
    std::string text;
    if (summary.accuracy_mean) text += fmt::format("accuracy {:.4f}, ", *summary.accuracy_mean);
    return text + fmt::format("{} steps, {} rounds, {} sent, in {}", grouped(summary.steps),
                              grouped(summary.rounds), bytes_text(summary.bytes_total()),
                              duration_text(summary.wall_s));
}

Expected<ChildEnd, Error> run_task(const GridTask& task, simulation::ExperimentListener& teller) {
    const auto outcome = run_in_folder(task.experiment, task.folder, teller);
    if (!outcome) return Unexpected<Error>(outcome.error());
    if (outcome->stopped) return ChildEnd{ChildEnd::Kind::stopped, ""};
    return ChildEnd{ChildEnd::Kind::done, end_text(outcome->summary)};
}

/// Prints the comparison of what there is; a grid of which nothing is there has none.
void print_table(const std::vector<GridTask>& tasks) {
    std::vector<fs::path> folders;
    for (const GridTask& task : tasks) {
        std::error_code error;
        if (fs::exists(task.folder / "run.json", error)) folders.push_back(task.folder);
    }
    if (folders.empty()) return;
    auto runs = report::read_runs(folders);
    if (!runs) return complain(runs.error().message);
    for (const report::Run& run : *runs) {
        for (const std::string& problem : run.problems) complain(problem);
    }
    fmt::print("\n{}", report::terminal_text(report::make_groups(std::move(*runs))));
}

void print_list(const std::vector<GridTask>& tasks) {
    for (const GridTask& task : tasks) {
        const bool is_other = task.state.kind == FolderState::Kind::other;
        fmt::print("{}{}\n", task.name,
                   is_other ? ": the folder has another run: " + task.state.difference
                   : task.state.kind == FolderState::Kind::finished ? ": finished"
                                                                    : "");
    }
}

/// Whether a folder has another run than the grid wants there.
bool refuses(const std::vector<GridTask>& tasks) {
    std::size_t refused = 0;
    for (const GridTask& task : tasks) {
        if (task.state.kind != FolderState::Kind::other) continue;
        if (++refused > kRefusalsShown) continue;
        complain(
            fmt::format("{} has another run: {}", task.folder.string(), task.state.difference));
    }
    if (refused == 0) return false;
    complain(
        fmt::format("{} folders have other runs than the grid; nothing was started. Choose "
                    "another --out, or replace them with --force",
                    refused));
    return true;
}

std::vector<GridTask> make_tasks(std::vector<config::GridRun> runs, const GridOptions& options,
                                 std::size_t threads) {
    std::vector<GridTask> tasks;
    for (config::GridRun& run : runs) {
        if (!is_chosen(run, options.only)) continue;
        GridTask task;
        task.name = run.name;
        task.folder = options.out / run.name;
        task.experiment = experiment_of(std::move(run), options, threads);
        task.state = folder_state(task.folder, simulation::description_text(task.experiment));
        tasks.push_back(std::move(task));
    }
    return tasks;
}

ExitCode run_tasks(const std::vector<GridTask>& tasks, const GridOptions& options,
                   std::size_t jobs) {
    std::vector<const GridTask*> todo;
    for (const GridTask& task : tasks) {
        if (options.force || task.state.kind != FolderState::Kind::finished) todo.push_back(&task);
    }
    const std::size_t finished = tasks.size() - todo.size();
    if (finished > 0) {
        fmt::print("{} of {} runs are finished already\n", finished, tasks.size());
        std::fflush(stdout);
    }
    std::vector<ChildRun> runs;
    for (const GridTask* task : todo) {
        runs.push_back([task](auto& teller) { return run_task(*task, teller); });
    }
    GridWatcher watcher(todo, finished);
    listen_to_signals();
    run_children(runs, jobs, watcher);
    watcher.end();
    print_table(tasks);
    if (!watcher.failed().empty()) {
        std::fflush(stdout);
        complain(
            fmt::format("{} of {} runs failed, see above", watcher.failed().size(), tasks.size()));
    }
    if (was_interrupted()) {
        std::fflush(stdout);
        complain("interrupted; the same command goes on with the runs that are not finished");
    }
    return watcher.failed().empty() && !was_interrupted() ? ExitCode::done : ExitCode::failed;
}

}  // namespace

ExitCode simulate_grid(const GridOptions& options) {
    auto grid = config::load_grid(options.file);
    if (!grid) {
        fmt::print(stderr, "{}\n", grid.error().message);
        return ExitCode::invalid_configuration;
    }
    if (!options.data.empty()) {
        for (const config::GridRun& run : *grid) {
            if (config::reads_files(run.config.data)) continue;
            complain(fmt::format("--data: {} has source = \"{}\", which reads no files", run.name,
                                 run.config.data.source));
            return ExitCode::wrong_arguments;
        }
    }
    const std::size_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::size_t jobs = options.jobs > 0 ? options.jobs : cores;
    const std::size_t threads =
        options.threads > 0 ? options.threads : std::max<std::size_t>(1, cores / jobs);
    const std::vector<GridTask> tasks = make_tasks(std::move(*grid), options, threads);
    if (tasks.empty()) {
        complain(fmt::format("--only: no run of {} has such a name; --list prints them",
                             options.file.string()));
        return ExitCode::wrong_arguments;
    }
    if (options.list) {
        print_list(tasks);
        return ExitCode::done;
    }
    if (!options.force && refuses(tasks)) return ExitCode::failed;
    return run_tasks(tasks, options, jobs);
}

}  // namespace dynavg::cli
