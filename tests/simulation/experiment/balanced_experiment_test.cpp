#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "protocol/base/random.hpp"
#include "protocol/reference/weighted_mean.hpp"
#include "simulation/experiment/result_files.hpp"
#include "tests/catch.hpp"
#include "tests/simulation/experiment/experiment_support.hpp"

// The monitor local-balanced in a whole run, beside the same algorithm in a plain loop.

using namespace dynavg;
using namespace dynavg::simulation;
using namespace dynavg::simulation::tests;

namespace {

constexpr std::size_t kPeers = 10;
constexpr std::uint64_t kSteps = 240;

ExperimentOptions balanced_options(const std::string& more = "") {
    ExperimentOptions options =
        small_options("monitor = \"local-balanced\"\nthreshold = 3\n" + more);
    options.peers = kPeers;
    options.length = Steps{kSteps};
    return options;
}

/// Kamp's balancing, written down once more, which looks at what it has done.
struct PlainBalancing {
    explicit PlainBalancing(const config::Config& config)
        : threshold(config.averaging.threshold),
          seed(config.training.seed),
          weights(config.averaging.weights) {}

    bool operator()(const protocol::Reference& reference, const Trainers& trainers,
                    std::uint32_t step) {
        std::vector<std::size_t> set;
        for (std::size_t i = 0; i < trainers.size(); ++i) {
            if (distance(reference, trainers[i]->parameters()) > threshold) set.push_back(i);
        }
        protocol::RandomStream random(seed, protocol::RandomPurpose::balancing, step,
                                      reference.id.epoch.value());
        std::vector<float> mean;
        while (2 * set.size() < trainers.size()) {
            mean = mean_of(trainers, set);
            if (distance(reference, std::span(mean).first(reference.parameters)) <= threshold) {
                move(reference, trainers, set, mean);
                return true;
            }
            std::vector<std::size_t> others;
            for (std::size_t i = 0; i < trainers.size(); ++i) {
                if (std::find(set.begin(), set.end(), i) == set.end()) others.push_back(i);
            }
            set.push_back(others[random.below(others.size())]);
            std::sort(set.begin(), set.end());
        }
        return false;
    }

    void move(const protocol::Reference& reference, const Trainers& trainers,
              const std::vector<std::size_t>& set, const std::vector<float>& mean) {
        const std::vector<double> before = mean_of_all(trainers);
        const double variance = variance_of(trainers, before);
        for (const std::size_t i : set) trainers[i]->set_model(mean);
        const std::vector<double> after = mean_of_all(trainers);
        double shift = 0;
        for (std::size_t i = 0; i < before.size(); ++i) {
            shift = std::max(shift, std::abs(after[i] - before[i]));
        }
        // Weights of a model are below one: so much is their rounding.
        CHECK(shift < 1e-6);
        CHECK(variance_of(trainers, after) < variance);
        CHECK(variance_of(trainers, after) <= threshold);
        for (const auto& trainer : trainers) {
            CHECK(static_cast<double>(trainer->local_state().squared_norm) <=
                  threshold * (1 + 1e-6));
            CHECK(distance(reference, trainer->parameters()) <= threshold);
        }
        ++balancings;
        models += set.size();
    }

    [[nodiscard]] static double distance(const protocol::Reference& reference,
                                         std::span<const float> parameters) {
        return protocol::squared_distance(parameters, reference.parameter_values());
    }
    [[nodiscard]] std::vector<float> mean_of(const Trainers& trainers,
                                             const std::vector<std::size_t>& set) const {
        std::vector<const float*> values;
        std::vector<float> factors;
        for (const std::size_t i : set) {
            values.push_back(trainers[i]->values().data());
            factors.push_back(protocol::weight_of(weights, trainers[i]->samples()));
        }
        std::vector<float> mean(trainers.front()->values().size());
        weighted_mean(protocol::mean_weights(factors), values, mean);
        return mean;
    }
    [[nodiscard]] std::vector<double> mean_of_all(const Trainers& trainers) const {
        std::vector<double> mean(trainers.front()->values().size());
        double sum = 0;
        for (const auto& trainer : trainers) {
            const auto weight =
                static_cast<double>(protocol::weight_of(weights, trainer->samples()));
            sum += weight;
            for (std::size_t i = 0; i < mean.size(); ++i) {
                mean[i] += weight * static_cast<double>(trainer->values()[i]);
            }
        }
        for (double& value : mean) value /= sum;
        return mean;
    }
    [[nodiscard]] double variance_of(const Trainers& trainers,
                                     const std::vector<double>& mean) const {
        double squares = 0;
        double sum = 0;
        for (const auto& trainer : trainers) {
            const auto weight =
                static_cast<double>(protocol::weight_of(weights, trainer->samples()));
            sum += weight;
            for (std::size_t i = 0; i < trainer->parameters().size(); ++i) {
                const double difference = static_cast<double>(trainer->parameters()[i]) - mean[i];
                squares += weight * difference * difference;
            }
        }
        return squares / sum;
    }

    double threshold;
    std::uint64_t seed;
    protocol::WeightRule weights;
    std::uint64_t balancings = 0;
    std::uint64_t models = 0;
};

}  // namespace

TEST_CASE("local-balanced: the last reference is that of Kamp's algorithm in a plain loop",
          "[balanced_experiment]") {
    for (const char* more :
         {"", "check_every = 3", "weights = \"samples\"\n[data.shard]\nsplit = \"unequal:2\""}) {
        CAPTURE(more);
        ExperimentOptions options = balanced_options(more);
        options.config.training.seed = 7;
        PlainBalancing balancing(options.config);
        Heard heard;
        const Summary summary = run(options, heard).summary;
        CHECK(summary.digest ==
              digest_of_plain_loop(options.config, kPeers, kSteps,
                                   [&](const auto&... of) { return balancing(of...); }));
        CHECK(balancing.balancings > 3);
        CHECK(summary.balancings == balancing.balancings);
        CHECK(summary.balanced_models == balancing.models);
        REQUIRE(heard.rounds.size() > 2);
        for (const RoundRow& row : heard.rounds) {
            CHECK((row.reason == "violation" || row.step == kSteps));
        }
        CHECK(heard.warnings.empty());
    }
}

TEST_CASE("local-balanced: balancings are counted apart, and in the sums",
          "[balanced_experiment]") {
    const Summary summary = summary_of(balanced_options());
    CHECK(summary.bytes_balancing == summary.balanced_models * 2 * 4 * summary.parameters);
    CHECK(summary.balanced_models >= 2 * summary.balancings);
    CHECK(summary.bytes_paper ==
          summary.rounds * 2 * 4 * summary.parameters * kPeers + summary.bytes_balancing);
    CHECK(summary.bytes_total() == summary.bytes_monitoring + summary.bytes_averaging +
                                       summary.bytes_balancing + summary.bytes_overhead);
    ExperimentOptions local = balanced_options();
    local.config.averaging.monitor = protocol::MonitorKind::local;
    const Summary other = summary_of(local);
    CHECK(other.balancings == 0);
    CHECK(other.balanced_models == 0);
    CHECK(other.bytes_balancing == 0);
    CHECK(other.rounds > summary.rounds);
}

TEST_CASE("local-balanced: equal seeds give equal runs", "[balanced_experiment]") {
    ExperimentOptions options = balanced_options();
    const Summary first = summary_of(options);
    options.threads = 1;
    CHECK(summary_text(summary_of(options)) == summary_text(first));
    options.config.training.seed = 2;
    CHECK(summary_of(options).digest != first.digest);
}

TEST_CASE("local-balanced: a network of two always averages all", "[balanced_experiment]") {
    ExperimentOptions options = balanced_options();
    options.peers = 2;
    ExperimentOptions local = options;
    local.config.averaging.monitor = protocol::MonitorKind::local;
    const Summary summary = summary_of(options);
    CHECK(summary.balancings == 0);
    CHECK(summary.rounds == summary_of(local).rounds);
}
