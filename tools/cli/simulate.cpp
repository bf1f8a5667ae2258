#include "tools/cli/simulate.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "config/grid.hpp"
#include "config/names.hpp"
#include "config/overlay.hpp"
#include "protocol/base/limits.hpp"
#include "tools/cli/ask_daemon.hpp"
#include "tools/cli/progress_bar.hpp"
#include "tools/cli/run_experiment.hpp"
#include "tools/cli/units.hpp"

namespace dynavg::cli {

using simulation::Summary;

namespace {

constexpr std::string_view kRandom = "random";

/// The lines that a person sees of a run.
class Watcher final : public simulation::ExperimentListener {
public:
    Watcher(std::size_t peers, std::function<void(const std::string&)> on_faults)
        : m_bar(peers), m_on_faults(std::move(on_faults)) {}

    void on_faults(const std::string& schedule) override { m_on_faults(schedule); }
    void on_progress(const simulation::Progress& progress) override { m_bar.show(progress); }
    void on_warning(const std::string& sentence) override {
        m_bar.clear();
        complain(sentence);
    }
    void end() { m_bar.clear(); }

private:
    ProgressBar m_bar;
    std::function<void(const std::string&)> m_on_faults;
};

/// A single run needs what a grid has in its file.
std::string missing_option(const SimulateOptions& options) {
    if (options.config.empty()) return "--config FILE is missing, or --experiments FILE for a grid";
    if (options.peers == 0) return "--peers K is missing: how many train";
    if (!options.steps && !options.epochs) return "--steps N or --epochs N is missing";
    return "";
}

/// The option that contradicts the configuration; an empty text if none does.
std::string contradiction(const SimulateOptions& options, const config::Config& config) {
    if (!options.data.empty() && !config::reads_files(config.data)) {
        return fmt::format("--data: {} has source = \"{}\", which reads no files", options.config,
                           config.data.source);
    }
    if (options.faults == kRandom && options.peers < 2) {
        return "--faults random: it takes two peers or more";
    }
    if (options.checks) {
        const std::string problem = config::why_no_checks(config.averaging);
        if (!problem.empty()) return fmt::format("--checks: {}: {}", options.config, problem);
        if (!options.faults.empty())
            return "--checks: with --faults peers stand at different steps";
    }
    if (!options.faults.empty() && protocol::traits_of(config.averaging.monitor).balances) {
        return fmt::format(
            "--faults: {} has monitor = \"{}\", which runs without faults only; leave them out, or "
            "use \"local\"",
            options.config, protocol::name_of(config.averaging.monitor));
    }
    if (options.target_accuracy && !config.data.test) {
        return fmt::format("--target-accuracy: {} has no [data.test] to measure it on",
                           options.config);
    }
    return "";
}

Expected<simulation::ExperimentFaults, Error> experiment_faults(const SimulateOptions& options) {
    if (options.faults.empty()) return simulation::ExperimentFaults();
    if (options.faults == kRandom) return simulation::ExperimentFaults(simulation::RandomFaults());
    auto schedule = simulation::parse_faults(options.faults, options.peers);
    if (!schedule) return Unexpected<Error>(schedule.error());
    return simulation::ExperimentFaults(std::move(*schedule));
}

/// The command that repeats a run, even if a later version draws other faults from its seed.
std::string replay_command(const SimulateOptions& options, const std::string& schedule) {
    std::string command =
        fmt::format("dynavg simulate --config '{}' --peers {}", options.config, options.peers);
    if (options.epochs) command += fmt::format(" --epochs {}", *options.epochs);
    if (options.steps) command += fmt::format(" --steps {}", *options.steps);
    if (options.target_accuracy) {
        command += fmt::format(" --target-accuracy {}", *options.target_accuracy);
    }
    if (options.checks) command += " --checks";
    if (options.seed) command += fmt::format(" --seed {}", *options.seed);
    for (const std::string& setting : options.settings) {
        command += fmt::format(" --set '{}'", setting);
    }
    if (!options.data.empty()) command += fmt::format(" --data '{}'", options.data.string());
    return command + fmt::format(" --faults '{}' --out '{}'", schedule, options.out.string());
}

simulation::ExperimentOptions experiment_options(const SimulateOptions& options,
                                                 config::Config config,
                                                 simulation::ExperimentFaults faults) {
    if (!options.data.empty()) {
        config.data.path = options.data;
        if (config.data.test) config.data.test->path.clear();
    }
    if (options.seed) config.training.seed = config.model.seed = *options.seed;
    simulation::ExperimentOptions experiment;
    experiment.peers = options.peers;
    if (options.epochs) {
        experiment.length = simulation::Epochs{*options.epochs};
    } else {
        experiment.length = simulation::Steps{options.steps.value()};
    }
    experiment.target_accuracy = options.target_accuracy;
    experiment.checks = options.checks;
    const std::size_t threads =
        options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
    experiment.threads = std::min<std::size_t>(threads, options.peers);
    experiment.config = std::move(config);
    experiment.faults = std::move(faults);
    return experiment;
}

void print_summary(const Summary& summary, const std::filesystem::path& folder) {
    const auto accuracy = [](const std::optional<double>& value) {
        return value ? fmt::format("{:.4f}", *value) : std::string("not measured (no [data.test])");
    };
    fmt::print("{} peers, {} steps each ({:.4g} epochs), {} rounds, in {}\n", summary.peers,
               grouped(summary.steps), summary.epochs, grouped(summary.rounds),
               duration_text(summary.wall_s));
    fmt::print("accuracy   reference {}, mean model {}\n", accuracy(summary.accuracy_reference),
               accuracy(summary.accuracy_mean));
    if (summary.target_accuracy) {
        fmt::print("target     {} {}\n", *summary.target_accuracy,
                   summary.reached_target
                       ? fmt::format("reached at step {}", grouped(*summary.reached_target))
                       : std::string("not reached"));
    }
    if (summary.checks) {
        fmt::print(
            "checks     {} of {} estimates below the exact variance, the least {:.4f} of it\n",
            grouped(summary.checks->below), grouped(summary.checks->checks),
            summary.checks->ratio_min);
    }
    fmt::print("sent       {} monitoring, {} averaging, {} overhead; {} by the papers' formula\n",
               bytes_text(summary.bytes_monitoring), bytes_text(summary.bytes_averaging),
               bytes_text(summary.bytes_overhead), bytes_text(summary.bytes_paper));
    fmt::print("digest     {}\n", summary.digest);
    fmt::print("results    {}\n", folder.string());
}

ExitCode run(const SimulateOptions& options, config::Config config,
             simulation::ExperimentFaults faults) {
    listen_to_signals();
    const std::uint64_t seed = options.seed.value_or(config.training.seed);
    // Told at once: the command is needed most where the run does not come to its end.
    Watcher watcher(options.peers, [&](const std::string& schedule) {
        fmt::print("seed       {}\nfaults     {}\nreplay     {}\n", seed, schedule,
                   replay_command(options, schedule));
        std::fflush(stdout);
    });
    const auto outcome = run_in_folder(
        experiment_options(options, std::move(config), std::move(faults)), options.out, watcher);
    watcher.end();
    if (!outcome) {
        complain(outcome.error().message);
        return ExitCode::failed;
    }
    if (outcome->stopped) {
        complain(
            fmt::format("interrupted after {} steps; {} holds the epochs and rounds up to "
                        "there, and no summary.json",
                        grouped(outcome->summary.steps), options.out.string()));
        return ExitCode::failed;
    }
    print_summary(outcome->summary, options.out);
    return ExitCode::done;
}

Expected<config::Config, Error> load(const SimulateOptions& options) {
    std::vector<config::Overlay> overlays;
    for (const std::string& setting : options.settings) {
        auto parsed = config::parse_overlay(setting, "--set");
        if (!parsed) return Unexpected<Error>(parsed.error());
        overlays.insert(overlays.end(), parsed->begin(), parsed->end());
    }
    return config::load_config(options.config, overlays);
}

}  // namespace

void add_simulate_options(CLI::App& app, SimulateOptions& options) {
    GridOptions& grid = options.grid;
    CLI::Option* experiments =
        app.add_option("--experiments", grid.file, "A grid: a file that describes many runs")
            ->type_name("FILE");
    const CLI::Range positive(std::uint64_t{1}, std::uint64_t{1'000'000'000});
    const auto single = [&](const char* name, auto& value, const char* help, const char* type) {
        return app.add_option(name, value, help)->type_name(type)->excludes(experiments);
    };
    single("--config", options.config,
           "Model, data, training and averaging; [node] and [security] are ignored", "FILE");
    single("--set", options.settings,
           "In place of what the file says, as averaging.threshold=3; may be repeated", "KEY=VALUE")
        ->allow_extra_args(false);
    single("--peers", options.peers, "How many peers train", "K")
        ->check(CLI::Range(std::size_t{1}, protocol::limits::kPeersMax));
    CLI::Option* steps =
        single("--steps", options.steps, "Steps of every peer", "N")->check(positive);
    single("--epochs", options.epochs, "Passes of all peers together over the data", "N")
        ->check(positive)
        ->excludes(steps);
    single("--target-accuracy", options.target_accuracy,
           "End at the first epoch whose mean model is so good", "A")
        ->check(CLI::Range(0.0, 1.0));
    app.add_flag("--checks", options.checks,
                 "Also checks.csv: estimate and exact variance after every step; takes longer")
        ->excludes(experiments);
    single("--seed", options.seed, "Sets training.seed and model.seed", "S");
    single("--faults", options.faults,
           "What goes wrong, at which second of virtual time; \"random\" draws it from the seed. "
           "See below",
           "SPEC");
    app.add_option("--data", options.data, "Read the data set here, not where the file says")
        ->type_name("DIR");
    app.add_option("--threads", options.threads,
                   "Of a run, at most; the results do not depend on it. Default: one per core, "
                   "divided among the runs of a grid")
        ->type_name("N")
        ->check(CLI::Range(1, 256));
    app.add_option(
           "--out", options.out,
           "Folder of run.json, summary.json, epochs.csv, rounds.csv; files of an earlier run "
           "there are replaced. Of a grid: the folder of its runs' folders")
        ->required()
        ->type_name("DIR");
    app.add_option("--only", grid.only,
                   "Of a grid: this experiment or run; * and ? stand for anything; may be repeated")
        ->type_name("NAME")
        ->allow_extra_args(false)
        ->needs(experiments);
    app.add_option("--jobs", grid.jobs,
                   "Of a grid: so many runs side by side. Default: one per core")
        ->type_name("N")
        ->check(CLI::Range(1, 256))
        ->needs(experiments);
    app.add_flag("--force", grid.force, "Of a grid: run anew whatever is in its folders")
        ->needs(experiments);
    app.add_flag("--list", grid.list, "Of a grid: print its runs and which are finished")
        ->needs(experiments);
}

ExitCode simulate(const SimulateOptions& options) {
    if (!options.grid.file.empty()) {
        GridOptions grid = options.grid;
        grid.out = options.out;
        grid.data = options.data;
        grid.threads = options.threads;
        return simulate_grid(grid);
    }
    if (const std::string missing = missing_option(options); !missing.empty()) {
        complain(missing);
        return ExitCode::wrong_arguments;
    }
    auto faults = experiment_faults(options);
    if (!faults) {
        complain("--faults: " + faults.error().message);
        return ExitCode::wrong_arguments;
    }
    auto config = load(options);
    if (!config) {
        fmt::print(stderr, "{}\n", config.error().message);
        return ExitCode::invalid_configuration;
    }
    if (const std::string problem = contradiction(options, *config); !problem.empty()) {
        complain(problem);
        return ExitCode::wrong_arguments;
    }
    return run(options, std::move(*config), std::move(*faults));
}

int simulate_main(int argc, char** argv) {
    CLI::App app(
        "Trains with many peers in this process, over a simulated network, and writes "
        "the results",
        "dynavg simulate");
    app.set_version_flag("--version", "dynavg " DYNAVG_VERSION);
    app.footer(
        "Example:\n  dynavg simulate --config experiments/lenet5-mnist-linear3.toml "
        "--data /srv/mnist --peers 10 --epochs 20 --out results/linear3\n"
        "  dynavg simulate --experiments experiments/lenet5-mnist-grid.toml --data /srv/mnist "
        "--out results\n\n"
        "A grid goes on where it was interrupted; `dynavg report DIR` compares its runs.\n\n"
        "Faults, separated by commas; peers are numbered from 0, a step takes 10 ms:\n" +
        simulation::fault_grammar() +
        "Without + it lasts for ever. \"crash@30s#12:2+10s\": at the 12th message that peer 2 "
        "sends in a round from then on; #prepared, #installed: as it has just said that it is "
        "prepared, or is about to tell of a new reference.\n\n"
        "Exit codes: 0 done, 1 failed or interrupted, 2 wrong arguments, 6 invalid configuration.");
    SimulateOptions options;
    add_simulate_options(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version end here too, with 0.
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::wrong_arguments);
    }
    ExitCode result = simulate(options);
    if (std::fflush(stdout) != 0 && result == ExitCode::done) result = ExitCode::failed;
    return static_cast<int>(result);
}

}  // namespace dynavg::cli
