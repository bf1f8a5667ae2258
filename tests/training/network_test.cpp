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

struct Check {
    std::size_t samples;
    float h;
    double noise = 1e-4;  ///< Error of a slope by rounding of the loss, about 1e-7 / h.
    float nudge = 0.02F;  ///< Of every parameter: zero biases would hide a wrong derivative.
};

/// For every tensor, along its own gradient and along a random vector.
void check_gradient(const std::string& name, const std::vector<LayerSpec>& layers,
                    const ImageShape& input, const Check& check) {
    const Samples data = first_samples(check.samples, input);
    const ModelLayout layout = layout_of(layers, input);
    const auto network = make_network(layers, input, NetworkUse::training);
    const std::vector<float> initial = initial_values(layout, 1);
    const auto nudge = random_values(layout.parameter_count(), 21, check.nudge);
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
        const double tolerance = 0.02 * static_cast<double>(norm) + check.noise;
        CHECK(slope_along(*network, data.batch(), offset, along, check.h, info.l2) ==
              Approx(static_cast<double>(norm)).margin(tolerance));
        CHECK(slope_along(*network, data.batch(), offset, random, check.h, info.l2) ==
              Approx(dot(part, random)).margin(tolerance));
        offset += info.size();
    }
}

void check_gradient(const ModelSpec& spec, std::size_t samples, float h) {
    check_gradient(spec.builtin, layers_of(spec), spec.input, {samples, h});
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
        check_gradient("densenet", densenet(options), {3, 32, 32}, {24, 0.0002F, 1.5e-3});
    }
    // The layer scales begin at 1e-6, where the blocks would be without influence.
    SECTION("a small ConvNeXt, under its drop path") {
        const ConvNextOptions options{
            .blocks = {1, 2, 1, 1}, .channels = {4, 6, 8, 10}, .drop_path = 0.4F, .hidden = {7}};
        check_gradient("convnext", convnext(options), {3, 32, 32},
                       {.samples = 8, .h = 0.002F, .noise = 5e-4, .nudge = 0.4F});
    }
}

TEST_CASE("drop path leaves out whole samples, and nothing in evaluation", "[network]") {
    const std::vector<LayerSpec> layers{DenseLayer{kModelClasses}, DropPathLayer{0.5F}};
    const auto network = make_network(layers, {1, 1, 1}, NetworkUse::training);
    // Two logits of 5 for every sample, of 10 where it is kept.
    network->parameters()[10] = 5;
    network->parameters()[11] = 5;
    const std::vector<float> images(2000, 1.0F);
    const std::vector<std::uint8_t> labels(2000, 0);
    const double kept = std::log(2 + 8 * std::exp(-10.0));
    CHECK(network->compute_gradient({images, labels}, {}) ==
          Approx((kept + std::log(10.0)) / 2).margin(0.05));
    std::vector<float> logits(10);
    network->logits(std::span(images).first(1), logits);
    CHECK(logits == std::vector<float>{5, 5, 0, 0, 0, 0, 0, 0, 0, 0});
}

TEST_CASE("a gradient by the head alone is that part of the whole one", "[network]") {
    const DenseNetOptions options{.blocks = {1, 1, 1, 1}, .growth = 4, .l2 = 0.01F};
    const auto layers = densenet(options);
    const ImageShape input{3, 32, 32};
    const ModelLayout layout = layout_of(layers, input);
    REQUIRE(layout.parameter_count() - layout.head() ==
            10 * (layout.parameters.end()[-2].fan_in + 1));
    const auto network = make_network(layers, input, NetworkUse::training);
    const auto initial = initial_values(layout, 1);
    std::copy(initial.begin(), initial.end(), network->values().begin());
    const Samples data = first_samples(8, input);
    const double loss = network->compute_gradient(data.batch(), {});
    const std::vector<float> whole(network->gradient().begin(), network->gradient().end());
    CHECK(network->compute_gradient(data.batch(), {}, GradientScope::head) == loss);
    CHECK(same_bits(network->gradient().subspan(layout.head()),
                    std::span(whole).subspan(layout.head())));
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
