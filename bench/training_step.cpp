// What does a local state cost beside the step that it describes? Steps of LeNet-5, batch 32, with
// and without the linear monitor's state, in turns within one run. The data are random bytes: the
// arithmetic does not care. Usage: training_step [blocks of 50 steps each]

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "protocol/base/random.hpp"
#include "training/process.hpp"
#include "training/trainer.hpp"

namespace {

using namespace dynavg;

constexpr int kStepsPerBlock = 50;
constexpr std::size_t kSamples = 4096;

std::shared_ptr<const training::Dataset> random_dataset() {
    protocol::RandomStream stream(1, protocol::RandomPurpose::test);
    auto dataset = std::make_shared<training::Dataset>();
    dataset->name = "random bytes";
    dataset->images.resize(kSamples * dataset->shape.pixels());
    dataset->labels.resize(kSamples);
    for (std::uint8_t& pixel : dataset->images) pixel = static_cast<std::uint8_t>(stream() >> 24);
    for (std::uint8_t& label : dataset->labels) label = static_cast<std::uint8_t>(stream.below(10));
    return dataset;
}

enum class Monitoring { off, on };

/// Seconds of one block.
double run_block(training::Trainer& trainer, Monitoring monitoring, double& sink) {
    const auto begin = std::chrono::steady_clock::now();
    for (int step = 0; step < kStepsPerBlock; ++step) {
        sink += trainer.compute_gradient();
        trainer.apply_update();
        if (monitoring == Monitoring::on) {
            sink += static_cast<double>(trainer.local_state().squared_norm);
        }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
    const int blocks = argc > 1 ? std::max(1, std::atoi(argv[1])) : 40;
    training::configure_process(1);
    training::TrainerOptions options;
    options.dataset = random_dataset();
    options.shard = training::whole(kSamples);
    auto made = training::make_trainer(options);
    if (!made) {
        fmt::print(stderr, "{}\n", made.error().message);
        return 1;
    }
    training::Trainer& trainer = **made;
    trainer.install(protocol::make_initial_reference(
                        trainer.shape(), training::initial_values(options.model), 1.0, 1),
                    training::initial_values(options.model));

    double sink = 0;
    run_block(trainer, Monitoring::on, sink);
    std::vector<double> plain;
    std::vector<double> monitored;
    std::vector<double> states;
    for (int block = 0; block < blocks; ++block) {
        plain.push_back(run_block(trainer, Monitoring::off, sink));
        monitored.push_back(run_block(trainer, Monitoring::on, sink));
        const auto begin = std::chrono::steady_clock::now();
        for (int i = 0; i < kStepsPerBlock; ++i) sink += trainer.local_state().squared_norm;
        const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
        states.push_back(taken.count());
    }
    fmt::print("LeNet-5, batch 32, one thread, {} blocks of {} steps (checksum {:.3f})\n", blocks,
               kStepsPerBlock, sink);
    const auto least = [](const std::vector<double>& seconds) {
        return *std::min_element(seconds.begin(), seconds.end());
    };
    fmt::print("{:<28} {:>10} {:>10}\n", "", "median", "best");
    const auto line = [](const char* name, double of_median, double of_least) {
        fmt::print("{:<28} {:>10.4g} {:>10.4g}\n", name, of_median, of_least);
    };
    line("steps/s without state", kStepsPerBlock / median(plain), kStepsPerBlock / least(plain));
    line("steps/s with state", kStepsPerBlock / median(monitored),
         kStepsPerBlock / least(monitored));
    line("time with / without", median(monitored) / median(plain), least(monitored) / least(plain));
    line("linear state alone / step", median(states) / median(plain), least(states) / least(plain));
    return 0;
}
