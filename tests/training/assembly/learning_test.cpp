#include "training/assembly/learning.hpp"

#include <fstream>
#include <string>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "training/process.hpp"

using namespace dynavg;
using namespace dynavg::assembly;

namespace {

config::Config parsed(const std::string& text) {
    training::configure_process(1);
    const auto config = config::parse_config(text, "test.toml");
    if (!config) FAIL(config.error().message);
    return *config;
}

const std::string kDigits = "[data]\nsource = \"synthetic-digits\"\nsamples = 40\n";
const std::string kCifar = "[data]\nsource = \"cifar10\"\npath = \"/srv\"\n";

}  // namespace

TEST_CASE("the model is made for the images of the source", "[assembly]") {
    CHECK(model_spec(parsed(kDigits)).input == training::ImageShape{1, 28, 28});
    CHECK(model_spec(parsed("[data]\nsource = \"idx\"\npath = \"/srv\"\n")).input ==
          training::ImageShape{1, 28, 28});
    CHECK(model_spec(parsed(kCifar)).input == training::ImageShape{3, 32, 32});
}

TEST_CASE("the keys of a model reach it", "[assembly]") {
    const auto mlp = model_spec(parsed(kDigits + "[model]\nbuiltin = \"mlp\"\n"));
    CHECK(mlp.hidden == std::vector<std::size_t>{200, 100});
    const std::string convnext = kCifar + "[model]\nbuiltin = \"convnext\"\n";
    CHECK(model_spec(parsed(convnext)).hidden.empty());
    const auto large = model_spec(
        parsed(convnext + "size = \"large\"\nhidden = [512]\ndrop_path = 0.5\nseed = 3\n"));
    CHECK(large.builtin == "convnext");
    CHECK(large.size == "large");
    CHECK(large.hidden == std::vector<std::size_t>{512});
    CHECK(large.drop_path == 0.5F);
    CHECK(large.seed == 3);
}

TEST_CASE("a trainer has the shard that its split cuts", "[assembly]") {
    const auto trainer_of = [](const std::string& split, std::uint32_t index) {
        const config::Config config = parsed(kDigits + "shard = { split = \"" + split +
                                             "\" }\n[model]\nbuiltin = \"logistic\"\n");
        const auto data = load_data(config.data);
        REQUIRE(data.has_value());
        const auto initial = make_initial_reference(config, config.averaging);
        REQUIRE(initial.has_value());
        auto trainer = make_trainer(config, config.averaging, *data, {index, 4}, *initial);
        REQUIRE(trainer.has_value());
        return std::move(*trainer);
    };
    const auto samples_of = [&](const std::string& split) {
        std::vector<std::uint64_t> samples;
        for (std::uint32_t i = 0; i < 4; ++i) samples.push_back(trainer_of(split, i)->samples());
        return samples;
    };
    using Samples = std::vector<std::uint64_t>;
    CHECK(samples_of("iid") == Samples{10, 10, 10, 10});
    CHECK(samples_of("label:3") == Samples{10, 10, 10, 10});
    CHECK(samples_of("sorted:0.55") == Samples{9, 11, 9, 11});
    CHECK(samples_of("unequal:3") == Samples{5, 8, 12, 15});
    CHECK(samples_of("dirichlet:1") != samples_of("dirichlet:2"));
    const auto loss_of = [&](const std::string& split) {
        return trainer_of(split, 0)->compute_gradient();
    };
    CHECK(loss_of("label:3") != loss_of("iid"));
    CHECK(loss_of("label:3") != loss_of("label:4"));

    const config::Config config = parsed(kDigits + "shard = { split = \"sorted:0.05\" }\n");
    const auto data = load_data(config.data);
    REQUIRE(data.has_value());
    const auto initial = make_initial_reference(config, config.averaging);
    REQUIRE(initial.has_value());
    const auto none = make_trainer(config, config.averaging, *data, {0, 40}, *initial);
    REQUIRE_FALSE(none.has_value());
    CHECK_THAT(none.error().message,
               Catch::Matchers::StartsWith("split \"sorted:0.05\": 40 samples"));
}

TEST_CASE("training begins from the configured weights, which all peers must share", "[assembly]") {
    const test::TemporaryFolder folder;
    const std::string path = (folder / "weights.f32").string();
    const std::string text = kDigits + "[model]\nweights = \"" + path + "\"\n";
    const config::Config config = parsed(text);
    CHECK_FALSE(make_initial_reference(config, config.averaging).has_value());

    const std::vector<float> given(61'706, 0.01F);
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(given.data()), 61'706 * sizeof(float));
    const auto initial = make_initial_reference(config, config.averaging);
    REQUIRE(initial.has_value());
    CHECK((*initial)->values == given);
    const auto data = load_data(config.data);
    REQUIRE(data.has_value());
    const auto trainer = make_trainer(config, config.averaging, *data, {}, *initial);
    REQUIRE(trainer.has_value());
    const auto values = (*trainer)->values();
    CHECK(std::vector<float>(values.begin(), values.end()) == given);
    CHECK((*trainer)->local_state().squared_norm == 0);

    const config::Config seeded = parsed(kDigits);
    const auto other = make_initial_reference(seeded, seeded.averaging);
    REQUIRE(other.has_value());
    CHECK(network_fields(config, **initial).at("model.initial") !=
          network_fields(seeded, **other).at("model.initial"));
}
