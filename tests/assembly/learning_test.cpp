#include "assembly/learning.hpp"

#include <fstream>
#include <string>

#include "tests/catch.hpp"
#include "tests/daemon/temporary_folder.hpp"
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

TEST_CASE("training begins from the configured weights, which all peers must share", "[assembly]") {
    const daemon::TemporaryFolder folder;
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
