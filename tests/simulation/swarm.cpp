#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "simulation/world.hpp"

// Simulated networks, one per seed, each with its own mix of peers, links and timers. Prints the
// command that replays a seed which broke an invariant.

namespace {

using dynavg::Error;
using dynavg::Expected;
using dynavg::Unexpected;
using dynavg::simulation::Algorithms;
using dynavg::simulation::FaultMode;
using dynavg::simulation::WorldOptions;
using dynavg::simulation::WorldReport;

const std::map<std::string, FaultMode> kFaultModes{{"none", FaultMode::none},
                                                   {"safety", FaultMode::safety},
                                                   {"liveness", FaultMode::liveness},
                                                   {"forget", FaultMode::forget},
                                                   {"trust", FaultMode::trust}};

struct SwarmOptions {
    std::uint64_t first = 0;
    std::uint64_t count = 100;
    FaultMode faults = FaultMode::none;
    Algorithms algorithms = Algorithms::common;
    bool keys = false;
    std::size_t observers = 0;
    std::string schedule;
    bool stop = false;
    bool verbose = false;
    bool trace = false;
};

struct Totals {
    std::uint64_t networks = 0;
    std::uint64_t failed = 0;
    std::uint64_t epochs = 0;
    std::uint64_t messages = 0;
    double virtual_s = 0;
};

double seconds(std::chrono::duration<double> duration) {
    return duration.count();
}

Expected<WorldOptions, Error> world_of(const SwarmOptions& swarm, std::uint64_t seed) {
    WorldOptions world = dynavg::simulation::swarm_options(seed, swarm.faults, swarm.algorithms);
    world.keys |= swarm.keys;
    dynavg::simulation::add_observers(world, swarm.observers);
    if (!swarm.schedule.empty()) {
        auto parsed =
            dynavg::simulation::parse_faults(swarm.schedule, world.peers + world.observers);
        if (!parsed) return Unexpected<Error>(parsed.error());
        world.faults.schedule = std::move(*parsed);
    }
    if (swarm.trace) world.trace = [](const std::string& line) { fmt::print("{}\n", line); };
    return world;
}

void print_failure(const char* program, const SwarmOptions& swarm, const WorldOptions& world,
                   const WorldReport& report) {
    fmt::print("seed {}: {}\n", world.seed, world.describe());
    for (const auto& violation : report.violations) {
        fmt::print("  {:.3f} s: {}: {}\n", seconds(violation.when.time_since_epoch()),
                   violation.invariant, violation.detail);
    }
    const std::string observers =
        swarm.observers > 0 ? fmt::format(" --observers {}", swarm.observers) : "";
    fmt::print("  replay: {} --faults {}{}{}{} --first {} --count 1 --trace\n", program,
               name_of(world.faults.mode),
               swarm.algorithms == Algorithms::every ? " --every-algorithm" : "",
               swarm.keys ? " --keys" : "", observers, world.seed);
}

void print_network(const WorldOptions& world, const WorldReport& report) {
    fmt::print("seed {}: {}\n  {} epochs, {} messages, {:.1f} s of virtual time;", world.seed,
               world.describe(), report.epochs, report.messages, seconds(report.virtual_time));
    for (const auto& [name, times] : report.event_counts) fmt::print(" {} {}", name, times);
    fmt::print("\n");
}

Expected<Totals, Error> run(const char* program, const SwarmOptions& swarm) {
    Totals totals;
    for (std::uint64_t seed = swarm.first; seed < swarm.first + swarm.count; ++seed) {
        const auto world = world_of(swarm, seed);
        if (!world) return Unexpected<Error>(world.error());
        const WorldReport report = dynavg::simulation::run_world(*world);
        ++totals.networks;
        totals.epochs += report.epochs;
        totals.messages += report.messages;
        totals.virtual_s += seconds(report.virtual_time);
        if (!report.violations.empty()) {
            ++totals.failed;
            print_failure(program, swarm, *world, report);
        }
        if (swarm.verbose) print_network(*world, report);
        std::fflush(stdout);
        if (swarm.stop && totals.failed > 0) break;
    }
    return totals;
}

}  // namespace

int main(int argc, char** argv) {
    SwarmOptions swarm;
    std::string faults = "none";
    bool every_algorithm = false;
    CLI::App app("Runs simulated networks and checks the invariants of docs/protocol.md");
    app.add_option("--first", swarm.first, "First seed");
    app.add_option("--count", swarm.count, "Number of seeds");
    app.add_option("--faults", faults, "none, safety, liveness, forget or trust")
        ->check(CLI::IsMember(kFaultModes));
    app.add_flag("--every-algorithm", every_algorithm,
                 "local, interval, sketch, cascade, automatic thresholds");
    app.add_flag("--keys", swarm.keys, "Peers have keys; --faults trust has them anyway");
    app.add_option("--observers", swarm.observers, "So many observers beside the peers");
    app.add_option("--schedule", swarm.schedule, "These faults instead of the seed's");
    app.add_flag("--stop", swarm.stop, "End at the first that broke an invariant");
    app.add_flag("--verbose", swarm.verbose, "Print every network");
    app.add_flag("--trace", swarm.trace, "Print every event");
    CLI11_PARSE(app, argc, argv);
    swarm.faults = kFaultModes.at(faults);
    if (every_algorithm) swarm.algorithms = Algorithms::every;

    const auto begin = std::chrono::steady_clock::now();
    const auto totals = run(argv[0], swarm);
    if (!totals) {
        fmt::print(stderr, "{}\n", totals.error().message);
        return 2;
    }
    const double wall_s = seconds(std::chrono::steady_clock::now() - begin);
    fmt::print(
        "{} networks, {} epochs committed, {} messages, {:.0f} s of virtual time in {:.1f} s "
        "({:.0f} times real time): {} broke an invariant\n",
        totals->networks, totals->epochs, totals->messages, totals->virtual_s, wall_s,
        totals->virtual_s / wall_s, totals->failed);
    return totals->failed == 0 ? 0 : 1;
}
