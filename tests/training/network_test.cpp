#include "training/models/network.hpp"

#include <cmath>
#include <string>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/models/architectures.hpp"

namespace dynavg::training::tests {

namespace {

struct Samples {
    std::vector<float> images;
    std::vector<std::uint8_t> labels;
    [[nodiscard]] Batch batch() const { return {images, labels}; }
};

/// Of digits if the input is theirs, else of random pixels.
Samples first_samples(std::size_t count, const ImageShape& input = {}) {
    const auto dataset = small_dataset();
    Samples samples;
    samples.images.resize(count * input.pixels());
    if (input == dataset->shape) {
        to_floats(std::span(dataset->images).first(samples.images.size()), samples.images);
    } else {
        samples.images = random_values(samples.images.size(), 23);
    }
    samples.labels.assign(dataset->labels.begin(),
                          dataset->labels.begin() + static_cast<std::ptrdiff_t>(count));
    return samples;
}

double dot(std::span<const float> a, std::span<const float> b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    return sum;
}

/// (L(w + h d) - L(w - h d)) / 2h with d nonzero in one tensor only, whose L2 factor is `l2`.
double slope_along(Network& network, const Batch& batch, std::size_t offset,
                   const std::vector<float>& direction, float h, float l2) {
    const auto w = network.parameters().subspan(offset, direction.size());
    const std::vector<float> kept(w.begin(), w.end());
    const auto loss_at = [&](float by) {
        for (std::size_t i = 0; i < kept.size(); ++i) w[i] = kept[i] + by * direction[i];
        return network.compute_gradient(batch, {}) + static_cast<double>(l2) * dot(w, w);
    };
    const double above = loss_at(h);
    const double below = loss_at(-h);
    std::copy(kept.begin(), kept.end(), w.begin());
    return (above - below) / (2 * static_cast<double>(h));
}

std::unique_ptr<Network> initialized(const ModelSpec& spec, NetworkUse use) {
    auto network = make_network(spec, use);
    const std::vector<float> values = initial_values(spec);
    std::copy(values.begin(), values.end(), network->values().begin());
    return network;
}

/// For every tensor, along its own gradient and along a random vector. `noise` is what rounding of
/// the loss does to a slope, about 1e-7 / h.
void check_gradient(const std::string& name, const std::vector<LayerSpec>& layers,
                    const ImageShape& input, std::size_t samples, float h, double noise = 1e-4) {
    const Samples data = first_samples(samples, input);
    const ModelLayout layout = layout_of(layers, input);
    const auto network = make_network(layers, input, NetworkUse::training);
    const std::vector<float> initial = initial_values(layout, 1);
    // Zero biases would hide a wrong derivative behind them.
    const auto nudge = random_values(layout.parameter_count(), 21, 0.02F);
    std::copy(initial.begin(), initial.end(), network->values().begin());
    for (std::size_t i = 0; i < nudge.size(); ++i) network->parameters()[i] += nudge[i];
    network->compute_gradient(data.batch(), {});
    const std::vector<float> gradient(network->gradient().begin(), network->gradient().end());
    std::size_t offset = 0;
    for (const ParameterInfo& info : layout.parameters) {
        const auto part = std::span(gradient).subspan(offset, info.size());
        const auto norm = static_cast<float>(std::sqrt(dot(part, part)));
        REQUIRE(norm > 0);
        std::vector<float> along(part.begin(), part.end());
        for (float& value : along) value /= norm;
        std::vector<float> random = random_values(info.size(), 22);
        const auto length = static_cast<float>(std::sqrt(dot(random, random)));
        for (float& value : random) value /= length;
        INFO(name << " " << info.name << ", gradient's norm " << norm);
        const double tolerance = 0.02 * static_cast<double>(norm) + noise;
        CHECK(slope_along(*network, data.batch(), offset, along, h, info.l2) ==
              Approx(static_cast<double>(norm)).margin(tolerance));
        CHECK(slope_along(*network, data.batch(), offset, random, h, info.l2) ==
              Approx(dot(part, random)).margin(tolerance));
        offset += info.size();
    }
}

void check_gradient(const ModelSpec& spec, std::size_t samples, float h) {
    check_gradient(spec.builtin, layers_of(spec), spec.input, samples, h);
}

}  // namespace

TEST_CASE("gradients agree with finite differences", "[network]") {
    SECTION("logistic") {
        check_gradient({.builtin = "logistic"}, 16, 0.01F);
    }
    SECTION("mlp") {
        check_gradient({.builtin = "mlp", .hidden = {40, 20}}, 16, 0.005F);
    }
    SECTION("LeNet-5") {
        check_gradient({}, 16, 0.01F);
    }
    SECTION("LeNet-5 on colours") {
        check_gradient({.input = {3, 32, 32}}, 16, 0.01F);
    }
    // Pools 7 x 7 to 3 x 3, so that a last row and column are in no window.
    SECTION("VGG16*, under its dropout masks") {
        check_gradient({.builtin = "vgg16star"}, 2, 0.0005F);
    }
    SECTION("a small DenseNet, under its dropout masks and with its L2 terms") {
        const DenseNetOptions options{.blocks = {2, 1, 1, 2}, .growth = 4, .l2 = 0.01F};
        check_gradient("densenet", densenet(options), {3, 32, 32}, 24, 0.0002F, 1.5e-3);
    }
}

TEST_CASE("the loss of an ignorant model is log 10", "[network]") {
    const Samples data = first_samples(8);
    const auto network = initialized({}, NetworkUse::training);
    for (float& value : network->parameters()) value = 0;
    CHECK(network->compute_gradient(data.batch(), {}) == Approx(std::log(10.0)).margin(1e-9));
}

TEST_CASE("cross entropy takes large logits and tells hits", "[network]") {
    std::vector<float> logits(20, 0.0F);
    logits[3] = 1000.0F;
    logits[10] = -1000.0F;
    std::vector<float> gradient(20);
    std::size_t hits = 0;
    const std::vector<std::uint8_t> labels{3, 0};
    const double loss = cross_entropy(logits, labels, gradient, hits);
    CHECK(loss == Approx((0.0 + 1000.0 + std::log(9.0)) / 2));
    CHECK(hits == 1);
    CHECK(gradient[3] == Approx(0.0).margin(1e-12));
    CHECK(gradient[10] == Approx(-0.5));
    CHECK(gradient[11] == Approx(0.5 / 9));
}

TEST_CASE("dropout follows from its key, and is off in evaluation", "[network]") {
    const Samples data = first_samples(2);
    const ModelSpec spec{.builtin = "vgg16star"};
    const auto one = initialized(spec, NetworkUse::training);
    const auto two = initialized(spec, NetworkUse::training);
    const DropoutKey key{.seed = 1, .shard = 2, .step = 3};
    const double loss = one->compute_gradient(data.batch(), key);
    CHECK(two->compute_gradient(data.batch(), key) == loss);
    CHECK(same_bits(one->gradient(), two->gradient()));
    CHECK(one->compute_gradient(data.batch(), {.seed = 2, .shard = 2, .step = 3}) != loss);
    CHECK(one->compute_gradient(data.batch(), {.seed = 1, .shard = 3, .step = 3}) != loss);
    CHECK(one->compute_gradient(data.batch(), {.seed = 1, .shard = 2, .step = 4}) != loss);
    // Half of the gradients behind a dropped unit are zero.
    const auto infos = layout_of(spec).parameters;
    const std::size_t biases = one->parameters().size() - 10 - 5120 - 512;
    REQUIRE(infos[15].name == "dense2.bias");
    std::size_t zeros = 0;
    for (const float value : one->gradient().subspan(biases, 512)) zeros += value == 0 ? 1 : 0;
    CHECK(zeros > 100);

    const auto evaluation = initialized(spec, NetworkUse::evaluation);
    std::vector<float> logits(20);
    std::vector<float> again(20);
    evaluation->logits(data.images, logits);
    one->logits(data.images, again);
    CHECK(same_bits(logits, again));
}

TEST_CASE("a sample's logits do not depend on its company", "[network]") {
    const Samples data = first_samples(40);
    const auto network = initialized({}, NetworkUse::evaluation);
    std::vector<float> together(400);
    network->logits(data.images, together);
    std::vector<float> alone(10);
    network->logits(std::span(data.images).subspan(39 * ImageShape{}.pixels()), alone);
    for (std::size_t i = 0; i < 10; ++i) {
        CHECK(alone[i] == Approx(together[390 + i]).margin(1e-5));
    }
}

}  // namespace dynavg::training::tests
