// A configuration does as the tables of models and data sources say: a new row is
// tested here without a new test.

#include <fmt/format.h>

#include "config/names.hpp"
#include "tests/catch.hpp"
#include "training/models/model_spec.hpp"

using namespace dynavg;
using namespace dynavg::config;
using Catch::Matchers::Contains;
using training::BuiltinModel;
using training::HiddenLayers;
using training::Source;

namespace {

std::string problem_of(const std::string& text) {
    const auto config = parse_config(text, "test.toml");
    return config ? "" : config.error().message;
}

std::string table_of(const Source& source) {
    return fmt::format("[data]\nsource = \"{}\"\n{}", source.name,
                       source.keys.path ? "path = \"/srv\"\n" : "");
}

/// The first whose images have room for the model.
const Source* source_for(const BuiltinModel& model) {
    training::ModelSpec spec{.builtin = std::string(model.name)};
    if (!model.sizes.empty()) spec.size = model.sizes.front();
    for (const Source* source : training::all_sources()) {
        spec.input = source->shape;
        if (training::validate(spec)) return source;
    }
    return nullptr;
}

std::string text_of(const BuiltinModel& model, const std::string& keys) {
    const std::string size = model.sizes.empty() || keys.find("size") != std::string::npos
                                 ? ""
                                 : fmt::format("size = \"{}\"\n", model.sizes.front());
    return fmt::format("{}[model]\nbuiltin = \"{}\"\n{}{}", table_of(*source_for(model)),
                       model.name, size, keys);
}

}  // namespace

TEST_CASE("every model of the table can be configured, with the keys of its row and no others",
          "[config]") {
    for (const BuiltinModel& model : training::builtin_models()) {
        CAPTURE(model.name);
        CHECK(training::find_builtin_model(model.name) == &model);
        REQUIRE(source_for(model) != nullptr);
        CHECK(problem_of(text_of(model, "")) == "");
        const auto refused = [&](const std::string& key, const std::string& value, bool takes) {
            const std::string problem = problem_of(text_of(model, key + " = " + value + "\n"));
            CAPTURE(key, problem);
            CHECK(problem.empty() == takes);
            if (!takes) CHECK_THAT(problem, Contains("model." + key + ": is only for builtin = "));
        };
        refused("hidden", "[10]", model.hidden != HiddenLayers::none);
        refused("drop_path", "0.1", model.has_drop_path);
        if (model.sizes.empty()) refused("size", "\"" + size_names().front() + "\"", false);
        for (const std::string_view size : model.sizes) {
            refused("size", fmt::format("\"{}\"", size), true);
        }
    }
}

TEST_CASE("every source of the table can be configured, with the keys of its row and no others",
          "[config]") {
    for (const Source* source : training::all_sources()) {
        CAPTURE(source->name);
        CHECK(training::find_source(source->name) == source);
        CHECK(source->load != nullptr);
        CHECK(problem_of(table_of(*source)) == "");
        const auto refused = [&](const std::string& line, bool takes) {
            const std::string problem = problem_of(table_of(*source) + line + "\n");
            CAPTURE(line, problem);
            CHECK(problem.empty() == takes);
            if (!takes) CHECK_THAT(problem, Contains(": is only for source"));
        };
        refused("samples = 100", source->keys.samples);
        refused("seed = 2", source->keys.seed);
        refused("test = { path = \"/srv\" }", source->keys.path);
        if (!source->keys.path) refused("path = \"/srv\"", false);
    }
}

TEST_CASE("a model without room on a source's images names the sources that have it", "[config]") {
    CHECK(
        problem_of("[data]\nsource = \"synthetic-digits\"\n[model]\nbuiltin = \"convnext\"\n") ==
        "test.toml:4:1: model.builtin: has no room on the images of \"synthetic-digits\", 28 x 28 "
        "pixels; sources whose images are large enough: \"cifar10\"");
}

TEST_CASE("names in words have one word before the last", "[config]") {
    const std::vector<std::string> names{"a", "b", "c"};
    CHECK(in_words(std::span(names).first(1), "and") == "a");
    CHECK(in_words(std::span(names).first(2), "or") == "a or b");
    CHECK(in_words(names, "and") == "a, b and c");
}
