#include "cli/simulate.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "cli/ask_daemon.hpp"
#include "cli/progress_bar.hpp"
#include "cli/run_experiment.hpp"
#include "cli/units.hpp"
#include "config/overlay.hpp"
#include "protocol/limits.hpp"

namespace dynavg::cli {

using simulation::Summary;

namespace {

constexpr std::string_view kRandom = "random";

/// What a person sees of a run.
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

/// What contradicts the configuration; an empty text if nothing does.
std::string contradiction(const SimulateOptions& options, const config::Config& config) {
    if (!options.data.empty() && config.data.source != config::DataSource::idx) {
        return fmt::format("--data: {} has source = \"{}\", which reads no files", options.config,
                           config::name_of(config.data.source));
    }
    if (options.faults == kRandom && options.peers < 2) {
        return "--faults random: it takes two peers or more";
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

/// What repeats a run, whatever a later version may draw from its seed.
std::string replay_command(const SimulateOptions& options, const std::string& schedule) {
    std::string command =
        fmt::format("dynavg simulate --config '{}' --peers {}", options.config, options.peers);
    if (options.epochs) command += fmt::format(" --epochs {}", *options.epochs);
    if (options.steps) command += fmt::format(" --steps {}", *options.steps);
    if (options.target_accuracy) {
        command += fmt::format(" --target-accuracy {}", *options.target_accuracy);
    }
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
    app.add_option("--config", options.config,
                   "Model, data, training and averaging; [node] and "
                   "[security] are ignored")
        ->required()
        ->type_name("FILE");
    app.add_option("--peers", options.peers, "How many peers train")
        ->required()
        ->type_name("K")
        ->check(CLI::Range(std::size_t{1}, protocol::limits::kPeersMax));
    CLI::Option_group* length = app.add_option_group("Length");
    const CLI::Range positive(std::uint64_t{1}, std::uint64_t{1'000'000'000});
    length->add_option("--steps", options.steps, "Steps of every peer")
        ->type_name("N")
        ->check(positive);
    length->add_option("--epochs", options.epochs, "Passes of all peers together over the data")
        ->type_name("N")
        ->check(positive);
    length->require_option(1);
    app.add_option("--target-accuracy", options.target_accuracy,
                   "End at the first epoch whose mean model is so good")
        ->type_name("A")
        ->check(CLI::Range(0.0, 1.0));
    app.add_option("--set", options.settings,
                   "In place of what the file says, as averaging.threshold=3; may be repeated")
        ->type_name("KEY=VALUE")
        ->allow_extra_args(false);
    app.add_option("--seed", options.seed, "Sets training.seed and model.seed")->type_name("S");
    app.add_option("--data", options.data, "Read the data set here, not where the file says")
        ->type_name("DIR");
    app.add_option("--threads", options.threads,
                   "At most so many; the results do not depend on it. Default: one per core")
        ->type_name("N")
        ->check(CLI::Range(1, 256));
    app.add_option("--faults", options.faults,
                   "What goes wrong, at which second of virtual time; \"random\" draws it from the "
                   "seed. See below")
        ->type_name("SPEC");
    app.add_option("--out", options.out,
                   "Folder of summary.json, epochs.csv, rounds.csv; what an "
                   "earlier run left there is replaced")
        ->required()
        ->type_name("DIR");
}

ExitCode simulate(const SimulateOptions& options) {
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
        "what it took",
        "dynavg simulate");
    app.set_version_flag("--version", "dynavg " DYNAVG_VERSION);
    app.footer(
        "Example:\n  dynavg simulate --config experiments/lenet5-mnist-linear3.toml "
        "--data /srv/mnist --peers 10 --epochs 20 --out results/linear3\n\n"
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
