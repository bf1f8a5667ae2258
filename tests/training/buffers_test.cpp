// Batch norms: their arithmetic, and the way of their running statistics in a network.

#include <cmath>
#include <limits>

#include "protocol/base/random.hpp"
#include "protocol/reference/weighted_mean.hpp"
#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/evaluator.hpp"
#include "training/models/network.hpp"

namespace dynavg::training::tests {

namespace {

constexpr ImageShape kInput{3, 32, 32};
const ModelSpec kDenseNet{.builtin = "densenet121", .input = kInput};

/// Random pixels: batch norms do not care.
std::shared_ptr<const Dataset> noise() {
    auto dataset = std::make_shared<Dataset>();
    dataset->name = "noise";
    dataset->shape = kInput;
    protocol::RandomStream stream(3, protocol::RandomPurpose::test);
    dataset->images.resize(20 * kInput.pixels());
    for (std::uint8_t& pixel : dataset->images) pixel = static_cast<std::uint8_t>(stream() >> 24);
    for (int i = 0; i < 20; ++i) dataset->labels.push_back(static_cast<std::uint8_t>(i % 10));
    return dataset;
}

TrainerOptions densenet_options(std::uint32_t shard_index) {
    TrainerOptions options;
    options.model = kDenseNet;
    options.dataset = noise();
    options.shard = whole(options.dataset->size());
    options.shard_index = shard_index;
    options.batch_size = 2;
    options.optimizer = {.kind = OptimizerKind::sgd, .learning_rate = 0.01};
    return options;
}

std::vector<float> contribution(const Trainer& trainer) {
    std::vector<float> values(trainer.shape().values());
    trainer.copy_contribution(values);
    return values;
}

std::span<const float> buffers_of(const std::vector<float>& values) {
    return std::span(values).subspan(layout_of(kDenseNet).parameter_count());
}

/// One batch norm alone in front of the logits.
const std::vector<LayerSpec> kOneNorm{BatchNormLayer{0.5F, 0.75F}, GlobalPoolingLayer{},
                                      DenseLayer{kModelClasses}};

}  // namespace

TEST_CASE(
    "a batch norm takes the batch's statistics in training and the running ones in evaluation",
    "[buffers]") {
    const ImageShape input{2, 2, 2};
    const ModelLayout layout = layout_of(kOneNorm, input);
    CHECK(layout.parameter_count() == 2 + 2 + 20 + 10);
    REQUIRE(layout.buffer_count() == 4);
    const auto network = make_network(kOneNorm, input, NetworkUse::training);
    const auto values = network->values();
    const auto initial = initial_values(layout, 1);
    std::copy(initial.begin(), initial.end(), values.begin());
    const auto running = values.last(4);  // Two means, two variances.

    // Channel 0 of two samples is 1 to 8: mean 4.5, variance 5.25, with Bessel's correction 6.
    // Channel 1 is 10 times that.
    std::vector<float> images(16);
    for (std::size_t sample = 0; sample < 2; ++sample) {
        for (std::size_t i = 0; i < 4; ++i) {
            const auto value = static_cast<float>(sample * 4 + i + 1);
            images[sample * 8 + i] = value;
            images[sample * 8 + 4 + i] = 10 * value;
        }
    }
    const std::vector<std::uint8_t> labels{0, 1};
    const Batch batch{images, labels};
    const double loss = network->compute_gradient(batch, {});
    CHECK(std::vector<float>(running.begin(), running.end()) == std::vector<float>{0, 0, 1, 1});
    network->update_buffers();
    CHECK(running[0] == Approx(0.25 * 4.5));
    CHECK(running[1] == Approx(0.25 * 45));
    CHECK(running[2] == Approx(0.75 + 0.25 * 6));
    CHECK(running[3] == Approx(0.75 + 0.25 * 600));
    // In training they count for nothing.
    CHECK(network->compute_gradient(batch, {}) == loss);

    // The logits in evaluation, by the definition.
    std::vector<float> logits(20);
    network->logits(images, logits);
    for (std::size_t sample = 0; sample < 2; ++sample) {
        for (std::size_t unit = 0; unit < 10; ++unit) {
            double expected = 0;
            for (std::size_t channel = 0; channel < 2; ++channel) {
                const double mean = (sample == 0 ? 2.5 : 6.5) * (channel == 0 ? 1 : 10);
                const double normed = (mean - static_cast<double>(running[channel])) /
                                      std::sqrt(static_cast<double>(running[2 + channel]) + 0.5);
                expected += normed * static_cast<double>(values[4 + unit * 2 + channel]);
            }
            CHECK(logits[sample * 10 + unit] == Approx(expected).margin(1e-5));
        }
    }
}

TEST_CASE("one value per channel has no variance, and spoils nothing", "[buffers]") {
    const ImageShape input{2, 1, 1};
    const auto network = make_network(kOneNorm, input, NetworkUse::training);
    const auto initial = initial_values(layout_of(kOneNorm, input), 1);
    std::copy(initial.begin(), initial.end(), network->values().begin());
    const std::vector<float> image{3, 4};
    const std::vector<std::uint8_t> label{5};
    CHECK(std::isfinite(network->compute_gradient({image, label}, {})));
    network->update_buffers();
    const auto running = network->values().last(4);
    CHECK(running[0] == Approx(0.25 * 3));
    CHECK(running[3] == Approx(0.75));
}

TEST_CASE("buffers move with updates, and are no part of the drift", "[buffers]") {
    const auto trainer = trainer_of(densenet_options(0));
    CHECK(trainer->shape().buffers == 83'648);
    const auto reference = install_initial(*trainer, kDenseNet);
    const auto before = contribution(*trainer);
    trainer->compute_gradient();
    CHECK(same_bits(contribution(*trainer), before));
    trainer->apply_update();
    const auto after = contribution(*trainer);
    CHECK_FALSE(same_bits(buffers_of(after), buffers_of(before)));
    double squares = 0;
    for (std::size_t i = 0; i < reference->parameters; ++i) {
        const double drift = static_cast<double>(after[i]) - static_cast<double>(before[i]);
        squares += drift * drift;
    }
    CHECK(static_cast<double>(trainer->local_state().squared_norm) ==
          Approx(squares).epsilon(1e-5));
    SECTION("a reset takes them back") {
        trainer->reset_to_reference();
        CHECK(same_bits(contribution(*trainer), before));
    }
    SECTION("a restore brings them back") {
        const auto again = trainer_of(densenet_options(0));
        install_initial(*again, kDenseNet);
        REQUIRE(again->restore(reference, after, trainer->optimizer_state(), 1));
        CHECK(same_bits(contribution(*again), after));
        run_steps(*trainer, 1);
        run_steps(*again, 1);
        CHECK(same_bits(contribution(*again), contribution(*trainer)));
    }
    SECTION("a step without a mask of its own repeats") {
        const auto again = trainer_of(densenet_options(0));
        run_steps(*again, 1);
        CHECK(same_bits(contribution(*again), after));
    }
}

TEST_CASE("a round averages buffers and replaces them, whatever was done since", "[buffers]") {
    const auto first = trainer_of(densenet_options(0));
    const auto second = trainer_of(densenet_options(1));
    const auto reference = install_initial(*first, kDenseNet);
    install_initial(*second, kDenseNet);
    run_steps(*first, 1);
    run_steps(*second, 1);
    const auto one = contribution(*first);
    const auto two = contribution(*second);
    CHECK_FALSE(same_bits(buffers_of(one), buffers_of(two)));

    std::vector<float> mean(one.size());
    const std::vector<float> weights{1, 1};
    const std::vector<const float*> models{one.data(), two.data()};
    protocol::weighted_mean(protocol::mean_weights(weights), models, mean);
    const auto next = protocol::make_next_reference(*reference, protocol::Epoch(1), mean);
    const auto averaged = buffers_of(next->values);
    for (const std::size_t i : {std::size_t{0}, averaged.size() - 1}) {
        const double expected =
            (static_cast<double>(buffers_of(one)[i]) + static_cast<double>(buffers_of(two)[i])) / 2;
        CHECK(static_cast<double>(averaged[i]) == Approx(expected));
    }

    first->install(next, one);
    CHECK(same_bits(contribution(*first), next->values));
    // A step since the freeze: its drift is kept, its statistics are not.
    run_steps(*second, 1);
    const auto later = contribution(*second);
    second->install(next, two);
    const auto installed = contribution(*second);
    CHECK(same_bits(buffers_of(installed), averaged));
    CHECK_FALSE(same_bits(buffers_of(later), averaged));
    CHECK(second->local_state().squared_norm > 0);
}

TEST_CASE("statistics that are not finite make a model that diverged", "[buffers]") {
    const auto trainer = trainer_of(densenet_options(0));
    const auto reference = install_initial(*trainer, kDenseNet);
    auto broken = reference->values;
    broken.back() = std::numeric_limits<float>::infinity();
    REQUIRE(trainer->restore(reference, broken, trainer->optimizer_state(), 0));
    CHECK_FALSE(protocol::is_valid(trainer->local_state(), 1));
    trainer->reset_to_reference();
    CHECK(protocol::is_valid(trainer->local_state(), 1));
}

TEST_CASE("an evaluation takes a reference's buffers", "[buffers]") {
    auto evaluator = make_evaluator(kDenseNet, noise(), 0);
    REQUIRE(evaluator.has_value());
    auto values = initial_values(kDenseNet);
    const double loss = evaluator->evaluate(values).loss;
    CHECK(evaluator->evaluate(values).loss == loss);
    for (std::size_t i = values.size() - 1024; i < values.size(); ++i) values[i] = 4;
    CHECK(evaluator->evaluate(values).loss != loss);
}

}  // namespace dynavg::training::tests
