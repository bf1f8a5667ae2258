#include "tests/simulation/experiment_support.hpp"

#include "tests/catch.hpp"
#include "training/process.hpp"

namespace dynavg::simulation::tests {

config::Config small_config(const std::string& averaging) {
    const auto config = config::parse_config(R"(
        [model]
        builtin = "mlp"
        hidden = [16]
        [data]
        source = "synthetic-digits"
        samples = 600
        test = { samples = 200 }
        [training]
        learning_rate = 0.01
        batch_size = 8
        [averaging]
        pace = "lockstep"
        )" + averaging,
                                             "small.toml");
    if (!config) FAIL(config.error().message);
    return *config;
}

ExperimentOptions small_options(const std::string& averaging) {
    ExperimentOptions options;
    options.config = small_config(averaging);
    options.peers = 3;
    options.length = Steps{60};
    options.threads = 2;
    return options;
}

Outcome run(const ExperimentOptions& options, ExperimentListener& listener) {
    training::configure_process(1);
    auto outcome = run_experiment(options, listener);
    if (!outcome) FAIL(outcome.error().message);
    return std::move(*outcome);
}

Summary summary_of(const ExperimentOptions& options) {
    Heard heard;
    return run(options, heard).summary;
}

}  // namespace dynavg::simulation::tests
