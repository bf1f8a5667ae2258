#include "training/models/model_spec.hpp"

#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/models/architectures.hpp"

namespace dynavg::training::tests {

TEST_CASE("the models have the parameters of the papers", "[model_spec]") {
    const auto parameters = [](const ModelSpec& spec) {
        return shape_of(spec, protocol::MonitorKind::norm).parameters;
    };
    CHECK(parameters({.builtin = "lenet5"}) == 61'706);
    CHECK(parameters({.builtin = "vgg16star"}) == 2'592'202);
    CHECK(parameters({.builtin = "logistic"}) == 7'850);
    CHECK(parameters({.builtin = "mlp", .hidden = {100, 30}}) ==
          784 * 100 + 100 + 100 * 30 + 30 + 30 * 10 + 10);
    CHECK(initial_values({.builtin = "vgg16star"}).size() == 2'592'202);
}

TEST_CASE("a model takes the images of its data", "[model_spec]") {
    const ImageShape colour{3, 32, 32};
    const auto parameters = [&](const std::string& builtin) {
        return layout_of(ModelSpec{.builtin = builtin, .input = colour}).parameter_count();
    };
    // Six kernels of 5 x 5 x 3, and 16 planes of 6 x 6 before the first dense layer.
    CHECK(parameters("lenet5") == 61'706 + 6 * 25 * 2 + 16 * (36 - 25) * 120);
    CHECK(parameters("vgg16star") == 2'592'202 + 64 * 9 * 2 + 256 * (16 - 9) * 512);
    CHECK(parameters("logistic") == 30'730);
    CHECK(schema_digest({.builtin = "lenet5", .input = colour}) != schema_digest({}));
    CHECK(validate({.builtin = "lenet5", .input = colour}).has_value());
}

TEST_CASE("DenseNets have the parameters of the papers, and buffers beside them", "[model_spec]") {
    const auto shape = [](const std::string& builtin) {
        const ModelSpec spec{.builtin = builtin, .input = {3, 32, 32}};
        CHECK(validate(spec).has_value());
        CHECK_FALSE(validate({.builtin = builtin}).has_value());  // No room on 28 x 28.
        return shape_of(spec, protocol::MonitorKind::linear);
    };
    CHECK(shape("densenet121") == protocol::ReferenceShape{6'964'106, 83'648, true});
    CHECK(shape("densenet201") == protocol::ReferenceShape{18'112'138, 229'056, true});
}

TEST_CASE("ConvNeXts have the parameters of the papers", "[model_spec]") {
    const auto count = [](const ConvNextOptions& options) {
        return layout_of(convnext(options), {3, 224, 224});
    };
    // Keras' applications without their tops.
    CHECK(count(kConvNextTiny).head() == 27'820'128);
    CHECK(count(kConvNextSmall).head() == 49'454'688);
    CHECK(count(kConvNextBase).head() == 87'566'464);
    CHECK(count(kConvNextLarge).head() == 196'230'336);
    CHECK(count(kConvNextLarge).buffer_count() == 0);
    // FDA's fine-tuned one: the rest of its d is a dense layer of 512 before the 100 classes.
    ConvNextOptions fine_tuned = kConvNextLarge;
    fine_tuned.hidden = {512};
    fine_tuned.classes = 100;
    CHECK(count(fine_tuned).parameter_count() == 197'068'580);

    const ModelSpec large{.builtin = "convnext", .size = "large", .input = {3, 32, 32}};
    CHECK(shape_of(large, protocol::MonitorKind::norm).parameters == 196'230'336 + 15'370);
    CHECK(validate(large).has_value());
    CHECK_FALSE(validate({.builtin = "convnext"}).has_value());
    CHECK_THAT(validate({.builtin = "convnext", .size = "huge"}).error().message,
               contains_text("huge") && contains_text("atto, tiny"));
    CHECK_FALSE(validate({.builtin = "convnext", .drop_path = 1, .input = {3, 32, 32}}));
}

TEST_CASE("ConvNeXt begins near the identity", "[model_spec]") {
    const ModelSpec spec{.builtin = "convnext", .size = "atto", .input = {3, 32, 32}};
    const ModelLayout layout = layout_of(spec);
    const std::vector<float> values = initial_values(spec);
    std::size_t offset = 0;
    for (const ParameterInfo& info : layout.parameters) {
        const auto part = std::span(values).subspan(offset, info.size());
        offset += info.size();
        INFO(info.name);
        if (info.name.starts_with("scale")) CHECK(part[0] == 1e-6F);
        if (!info.name.ends_with("kernel")) continue;
        double squares = 0;
        for (const float value : part)
            squares += static_cast<double>(value) * static_cast<double>(value);
        const auto count = static_cast<double>(info.size());
        const double variance = std::pow(0.02 * 0.87962566, 2);
        CHECK(squares / count == Approx(variance).epsilon(4 * std::sqrt(1.2 / count)));
        CHECK(*std::max_element(part.begin(), part.end()) <= 0.04F);
    }
}

TEST_CASE("DenseNet begins He-normal and with the statistics of no data", "[model_spec]") {
    const ModelSpec spec{.builtin = "densenet121", .input = {3, 32, 32}};
    const ModelLayout layout = layout_of(spec);
    const std::vector<float> values = initial_values(spec);
    REQUIRE(values.size() == layout.value_count());
    std::size_t offset = 0;
    for (const ParameterInfo& info : layout.parameters) {
        const auto part = std::span(values).subspan(offset, info.size());
        offset += info.size();
        INFO(info.name);
        if (info.initializer == Initializer::constant) {
            const float expected = info.name.ends_with("gamma") ? 1 : 0;
            CHECK(std::all_of(part.begin(), part.end(), [&](float v) { return v == expected; }));
            CHECK(info.l2 == 0);
            continue;
        }
        CHECK(info.l2 == 1e-4F);
        double sum = 0;
        double squares = 0;
        double largest = 0;
        for (const float value : part) {
            sum += static_cast<double>(value);
            squares += static_cast<double>(value) * static_cast<double>(value);
            largest = std::max(largest, std::abs(static_cast<double>(value)));
        }
        // A normal of this deviation, cut at two of it, has variance 2 / fan_in.
        const double cut = 2 * std::sqrt(2 / static_cast<double>(info.fan_in)) / 0.87962566;
        const double variance = 2 / static_cast<double>(info.fan_in);
        const auto count = static_cast<double>(info.size());
        CHECK(largest <= cut * (1 + 1e-6));
        CHECK(largest > 0.98 * cut);
        CHECK(squares / count == Approx(variance).epsilon(4 * std::sqrt(1.2 / count)));
        CHECK(sum / count == Approx(0).margin(4 * std::sqrt(variance / count)));
    }
    for (const ParameterInfo& info : layout.buffers) {
        const float expected = info.name.ends_with("variance") ? 1 : 0;
        CHECK(values.at(offset) == expected);
        CHECK(values.at(offset + info.size() - 1) == expected);
        offset += info.size();
    }
    CHECK(offset == values.size());
    CHECK(digest_of(values).hex() == "615fcdaaad81ac0ce11a45e1beb438e5");
}

TEST_CASE("a model without room on the images is refused", "[model_spec]") {
    CHECK_THAT(validate({.builtin = "vgg16star", .input = {1, 7, 7}}).error().message,
               contains_text("7 x 7") && contains_text("larger images"));
    CHECK_THAT(validate({.builtin = "lenet5", .input = {1, 8, 6}}).error().message,
               contains_text("no room"));
    CHECK_FALSE(validate({.builtin = "logistic", .input = {1, 0, 28}}).has_value());
    CHECK(validate({.builtin = "vgg16star", .input = {1, 8, 8}}).has_value());
}

TEST_CASE("only the linear monitor gives the reference a direction", "[model_spec]") {
    CHECK(shape_of({}, protocol::MonitorKind::linear).has_direction);
    CHECK_FALSE(shape_of({}, protocol::MonitorKind::sketch).has_direction);
    CHECK(shape_of({}, protocol::MonitorKind::linear).buffers == 0);
}

TEST_CASE("kernels begin Glorot-uniform, biases at zero", "[model_spec]") {
    const ModelSpec spec;
    const std::vector<float> values = initial_values(spec);
    std::size_t offset = 0;
    for (const ParameterInfo& info : layout_of(spec).parameters) {
        const auto part = std::span(values).subspan(offset, info.size());
        offset += info.size();
        double squares = 0;
        double largest = 0;
        for (const float value : part) {
            squares += static_cast<double>(value) * static_cast<double>(value);
            largest = std::max(largest, std::abs(static_cast<double>(value)));
        }
        INFO(info.name);
        if (info.fan_in == 0) {
            CHECK(largest == 0);
            continue;
        }
        const double limit = std::sqrt(6.0 / static_cast<double>(info.fan_in + info.fan_out));
        CHECK(largest <= limit);
        CHECK(largest > 0.95 * limit);
        // Of 150 to 48,000 uniform numbers: three standard errors.
        const auto count = static_cast<double>(info.size());
        CHECK(squares / count == Approx(limit * limit / 3).epsilon(3 * std::sqrt(0.8 / count)));
    }
    CHECK(offset == values.size());
}

TEST_CASE("fans count the window as Keras does", "[model_spec]") {
    const auto infos = layout_of(ModelSpec{}).parameters;
    REQUIRE(infos.size() == 10);
    CHECK(infos[0].name == "conv1.kernel");
    CHECK(infos[0].fan_in == 25);
    CHECK(infos[0].fan_out == 150);
    CHECK(infos[2].fan_in == 150);
    CHECK(infos[2].fan_out == 400);
    CHECK(infos[4].shape == std::vector<std::size_t>{120, 400});
    CHECK(infos[9].name == "dense3.bias");
}

TEST_CASE("initial weights follow from the seed alone, on every machine", "[model_spec]") {
    CHECK(digest_of(initial_values({})).hex() == "c9d9c348ec87483932a85d98c3bea3ed");
    CHECK(digest_of(initial_values({.builtin = "vgg16star"})).hex() ==
          "9e2fe1301c345a1907016ebd0916c9c1");
    CHECK(schema_digest({}).hex() == "98a1f6456766a6e8bbcc60de18bc7e1f");
    CHECK(initial_values({.seed = 2}) != initial_values({.seed = 1}));
}

TEST_CASE("the schema digest tells models apart, not seeds", "[model_spec]") {
    const auto digest = schema_digest({});
    CHECK(digest == schema_digest({.seed = 7}));
    CHECK(digest != schema_digest({.builtin = "vgg16star"}));
    // As many parameters, another shape.
    CHECK(schema_digest({.builtin = "mlp", .hidden = {5}}) !=
          schema_digest({.builtin = "mlp", .hidden = {6}}));
    CHECK(schema_digest({.builtin = "mlp"}) == schema_digest({.builtin = "logistic"}));
}

TEST_CASE("an unknown or impossible model is refused with what is allowed", "[model_spec]") {
    CHECK(validate(ModelSpec{}).has_value());
    CHECK_THAT(validate({.builtin = "alexnet"}).error().message, contains_text("alexnet"));
    CHECK_THAT(validate({.builtin = "alexnet"}).error().message,
               contains_text("allowed are lenet5"));
    CHECK_THAT(validate({.builtin = "mlp", .hidden = {0}}).error().message,
               contains_text("0 units"));
    CHECK_THAT(validate({.builtin = "lenet5", .hidden = {9}}).error().message,
               contains_text("mlp"));
    CHECK_FALSE(validate({.builtin = "mlp", .hidden = {65536, 65536}}).has_value());
}

}  // namespace dynavg::training::tests
