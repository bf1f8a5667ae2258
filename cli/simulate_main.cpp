#include <cstdio>
#include <exception>

#include "cli/ask_daemon.hpp"
#include "cli/simulate.hpp"

// dynavg-simulate: what `dynavg simulate` becomes.

namespace {

using dynavg::cli::ExitCode;

int run(int argc, char** argv) {
    CLI::App app(
        "Trains with many peers in this process, over a simulated network, and writes "
        "what it took",
        "dynavg simulate");
    app.set_version_flag("--version", "dynavg " DYNAVG_VERSION);
    app.footer(
        "Example:\n  dynavg simulate --config experiments/lenet5-mnist-linear3.toml "
        "--data /srv/mnist --peers 10 --epochs 20 --out results/linear3\n\n"
        "Exit codes: 0 done, 1 failed or interrupted, 2 wrong arguments, 6 invalid configuration.");
    dynavg::cli::SimulateOptions options;
    dynavg::cli::add_simulate_options(app, options);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        // --help and --version end here too, with 0.
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::wrong_arguments);
    }
    ExitCode result = dynavg::cli::simulate(options);
    if (std::fflush(stdout) != 0 && result == ExitCode::done) result = ExitCode::failed;
    return static_cast<int>(result);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        dynavg::cli::complain(error.what());
        return static_cast<int>(ExitCode::failed);
    }
}
