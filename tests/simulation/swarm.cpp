#include <chrono>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "simulation/world.hpp"

// Simulated networks, one per seed, each with its own mix of peers, links and timers. Prints the
// command that replays a seed which broke an invariant.

namespace {

using dynavg::simulation::FaultMode;
using dynavg::simulation::WorldOptions;
using dynavg::simulation::WorldReport;

void print_failure(const char* program, bool every_algorithm, const WorldOptions& options,
                   const WorldReport& report) {
    fmt::print("seed {}: {}\n", options.seed, options.describe());
    for (const auto& violation : report.violations) {
        fmt::print("  {:.3f} s: {}: {}\n",
                   static_cast<double>(violation.when.time_since_epoch().count()) / 1e6,
                   violation.invariant, violation.detail);
    }
    const std::string observers =
        options.observers > 0 ? fmt::format(" --observers {}", options.observers) : "";
    fmt::print("  replay: {} --faults {}{}{} --first {} --count 1 --trace\n", program,
               name_of(options.faults.mode), every_algorithm ? " --every-algorithm" : "", observers,
               options.seed);
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t first = 0;
    std::uint64_t count = 100;
    bool verbose = false;
    bool trace = false;
    bool stop = false;
    std::string faults = "none";
    bool every_algorithm = false;
    std::string schedule;
    std::size_t observers = 0;
    CLI::App app("Runs simulated networks and checks the invariants of docs/protocol.md");
    app.add_option("--first", first, "First seed");
    app.add_option("--count", count, "Number of seeds");
    app.add_option("--faults", faults, "none, safety, liveness or forget")
        ->check(CLI::IsMember({"none", "safety", "liveness", "forget"}));
    app.add_flag("--every-algorithm", every_algorithm,
                 "local, interval, sketch, cascade, automatic thresholds");
    app.add_option("--observers", observers, "So many observers beside the peers");
    app.add_option("--schedule", schedule, "These faults instead of the seed's");
    app.add_flag("--stop", stop, "End at the first that broke an invariant");
    app.add_flag("--verbose", verbose, "Print every network");
    app.add_flag("--trace", trace, "Print every event");
    CLI11_PARSE(app, argc, argv);

    const FaultMode mode = faults == "safety"     ? FaultMode::safety
                           : faults == "liveness" ? FaultMode::liveness
                           : faults == "forget"   ? FaultMode::forget
                                                  : FaultMode::none;
    using dynavg::simulation::Algorithms;
    const Algorithms algorithms = every_algorithm ? Algorithms::every : Algorithms::common;
    const auto begin = std::chrono::steady_clock::now();
    std::uint64_t failed = 0;
    std::uint64_t epochs = 0;
    std::uint64_t messages = 0;
    double virtual_s = 0;
    for (std::uint64_t seed = first; seed < first + count && !(stop && failed > 0); ++seed) {
        WorldOptions options = dynavg::simulation::swarm_options(seed, mode, algorithms);
        dynavg::simulation::add_observers(options, observers);
        if (!schedule.empty()) {
            auto parsed =
                dynavg::simulation::parse_faults(schedule, options.peers + options.observers);
            if (!parsed) {
                fmt::print(stderr, "{}\n", parsed.error().message);
                return 2;
            }
            options.faults.schedule = std::move(*parsed);
        }
        if (trace) options.trace = [](const std::string& line) { fmt::print("{}\n", line); };
        const WorldReport report = dynavg::simulation::run_world(options);
        epochs += report.epochs;
        messages += report.messages;
        virtual_s += static_cast<double>(report.virtual_time.count()) / 1e6;
        if (!report.violations.empty()) {
            ++failed;
            print_failure(argv[0], every_algorithm, options, report);
        }
        if (verbose) {
            fmt::print("seed {}: {}\n  {} epochs, {} messages, {:.1f} s of virtual time;", seed,
                       options.describe(), report.epochs, report.messages,
                       static_cast<double>(report.virtual_time.count()) / 1e6);
            for (const auto& [name, times] : report.event_counts) {
                fmt::print(" {} {}", name, times);
            }
            fmt::print("\n");
        }
        std::fflush(stdout);
    }
    const double wall_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    fmt::print(
        "{} networks, {} epochs committed, {} messages, {:.0f} s of virtual time in {:.1f} s "
        "({:.0f} times real time): {} broke an invariant\n",
        count, epochs, messages, virtual_s, wall_s, virtual_s / wall_s, failed);
    return failed == 0 ? 0 : 1;
}
