#include "training/models/model_spec.hpp"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/limits.hpp"
#include "training/models/builtin_model.hpp"

namespace dynavg::training {

namespace {

constexpr std::size_t kHiddenLayersMax = 32;
constexpr std::size_t kHiddenUnitsMax = 65536;
constexpr std::size_t kSideMax = 4096;

Expected<void, Error> validate_hidden(const ModelSpec& spec, const BuiltinModel& model) {
    if (model.hidden == HiddenLayers::none && !spec.hidden.empty()) {
        std::vector<std::string_view> others;
        for (const BuiltinModel& other : builtin_models()) {
            if (other.hidden != HiddenLayers::none) others.push_back(other.name);
        }
        return fail(fmt::format("model \"{}\" takes no hidden layers; they belong to {}",
                                spec.builtin, fmt::join(others, ", ")));
    }
    if (spec.hidden.size() > kHiddenLayersMax) {
        return fail(fmt::format("model \"{}\" has {} hidden layers; at most {} are possible",
                                spec.builtin, spec.hidden.size(), kHiddenLayersMax));
    }
    for (const std::size_t units : spec.hidden) {
        if (units == 0 || units > kHiddenUnitsMax) {
            return fail(
                fmt::format("a hidden layer of model \"{}\" has {} units; it must "
                            "have 1 to {}",
                            spec.builtin, units, kHiddenUnitsMax));
        }
    }
    return {};
}

Expected<void, Error> validate_size(const ModelSpec& spec, const BuiltinModel& model) {
    const auto& sizes = model.sizes;
    if (!sizes.empty() && std::find(sizes.begin(), sizes.end(), spec.size) == sizes.end()) {
        return fail(fmt::format("model \"{}\" has no size \"{}\"; allowed are {}", spec.builtin,
                                spec.size, fmt::join(sizes, ", ")));
    }
    if (model.has_drop_path && !(spec.drop_path >= 0 && spec.drop_path < 1)) {
        return fail(fmt::format("drop_path is {}; it must be from 0 to below 1", spec.drop_path));
    }
    return {};
}

/// Over one part of the flat vector.
void add_to(protocol::Digester& digester, const std::vector<ParameterInfo>& infos) {
    digester.add_u64(infos.size());
    for (const ParameterInfo& info : infos) {
        digester.add(std::string_view(info.name)).add(std::string_view("float32"));
        digester.add_u64(info.shape.size());
        for (const std::size_t extent : info.shape) digester.add_u64(extent);
    }
}

}  // namespace

Expected<void, Error> validate(const ModelSpec& spec) {
    const ImageShape& input = spec.input;
    if (input.pixels() == 0 || std::max({input.channels, input.height, input.width}) > kSideMax) {
        return fail(fmt::format("images of {} x {} with {} channels are no input for a model",
                                input.height, input.width, input.channels));
    }
    const BuiltinModel* const model = find_builtin_model(spec.builtin);
    if (model == nullptr) {
        std::vector<std::string_view> names;
        for (const BuiltinModel& known : builtin_models()) names.push_back(known.name);
        return fail(fmt::format("model \"{}\" is not known; allowed are {}", spec.builtin,
                                fmt::join(names, ", ")));
    }
    if (auto valid = validate_hidden(spec, *model); !valid) return valid;
    if (auto valid = validate_size(spec, *model); !valid) return valid;
    const ModelLayout layout = layout_of(spec);
    if (!layout.has_room) {
        return fail(
            fmt::format("model \"{}\" has no room on images of {} x {}; choose a smaller "
                        "model or larger images",
                        spec.builtin, input.height, input.width));
    }
    if (layout.value_count() > protocol::limits::kModelValuesMax) {
        return fail(
            fmt::format("model \"{}\" would have {} parameters; at most {} are possible, "
                        "choose smaller hidden layers",
                        spec.builtin, layout.value_count(), protocol::limits::kModelValuesMax));
    }
    return {};
}

std::vector<LayerSpec> layers_of(const ModelSpec& spec) {
    const BuiltinModel* const model = find_builtin_model(spec.builtin);
    DYNAVG_CHECK(model != nullptr);
    return model->layers(spec);
}

ModelLayout layout_of(const ModelSpec& spec) {
    return layout_of(layers_of(spec), spec.input);
}

std::vector<float> initial_values(const ModelSpec& spec) {
    return initial_values(layout_of(spec), spec.seed);
}

protocol::ReferenceShape shape_of(const ModelSpec& spec, protocol::MonitorKind monitor,
                                  protocol::OuterKind outer) {
    protocol::ReferenceShape shape;
    const ModelLayout layout = layout_of(spec);
    shape.parameters = layout.parameter_count();
    shape.buffers = layout.buffer_count();
    shape.has_direction = protocol::has_direction(monitor);
    shape.outer_vectors = protocol::outer_vectors(outer);
    return shape;
}

protocol::Digest schema_digest(const ModelSpec& spec) {
    protocol::Digester digester;
    digester.add(std::string_view("dynavg model 1"));
    const ModelLayout layout = layout_of(spec);
    add_to(digester, layout.parameters);
    if (!layout.buffers.empty()) add_to(digester, layout.buffers);
    return digester.finish();
}

}  // namespace dynavg::training
