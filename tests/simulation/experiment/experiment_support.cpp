#include "tests/simulation/experiment/experiment_support.hpp"

#include "protocol/reference/weighted_mean.hpp"
#include "tests/catch.hpp"
#include "training/assembly/learning.hpp"
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

std::string digest_of_plain_loop(const config::Config& config, std::uint32_t peers,
                                 std::uint64_t steps, const PlainResolution& resolve) {
    training::configure_process(1);
    const protocol::AveragingSettings& averaging = config.averaging;
    const auto data = assembly::load_data(config.data);
    protocol::ReferencePointer reference =
        assembly::make_initial_reference(config, averaging).value();
    Trainers trainers;
    std::vector<float> weights;
    for (std::uint32_t i = 0; i < peers; ++i) {
        trainers.push_back(
            assembly::make_trainer(config, averaging, *data, {i, peers}, reference).value());
        weights.push_back(weight_of(averaging.weights, trainers.back()->samples()));
    }
    std::uint32_t since_reference = 0;
    for (std::uint64_t step = 1; step <= steps; ++step) {
        std::vector<protocol::LocalState> states;
        for (const auto& trainer : trainers) {
            trainer->compute_gradient();
            trainer->apply_update();
            states.push_back(trainer->local_state());
        }
        ++since_reference;
        const bool is_last = step == steps;
        if (since_reference % averaging.check_every != 0 && !is_last) continue;
        std::vector<protocol::WeightedState> weighted;
        double sum_of_weights = 0;
        for (std::uint32_t i = 0; i < peers; ++i) {
            weighted.push_back({&states[i], static_cast<double>(weights[i])});
            sum_of_weights += static_cast<double>(weights[i]);
        }
        const double bound =
            protocol::variance_bound(averaging.monitor, averaging.sketch, weighted, sum_of_weights);
        const bool holds = bound <= averaging.threshold ||
                           (resolve && resolve(*reference, trainers, since_reference));
        if (holds && !is_last) continue;
        std::vector<std::vector<float>> models;
        std::vector<const float*> values;
        for (const auto& trainer : trainers) {
            models.emplace_back(trainer->values().begin(), trainer->values().end());
        }
        for (const auto& model : models) values.push_back(model.data());
        std::vector<float> mean(reference->values.size());
        weighted_mean(protocol::mean_weights(weights), values, mean);
        reference = make_next_reference(*reference, reference->epoch.next(), std::move(mean));
        for (std::uint32_t i = 0; i < peers; ++i) trainers[i]->install(reference, models[i]);
        since_reference = 0;
    }
    return reference->id.digest.hex();
}

}  // namespace dynavg::simulation::tests
