#include "training/models/model_spec.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/digest.hpp"
#include "protocol/base/limits.hpp"
#include "training/models/architectures.hpp"

namespace dynavg::training {

namespace {

constexpr std::size_t kHiddenLayersMax = 32;
constexpr std::size_t kHiddenUnitsMax = 65536;
constexpr std::size_t kSideMax = 4096;

constexpr std::array kBuiltins{"lenet5",      "vgg16star",   "mlp",     "logistic",
                               "densenet121", "densenet201", "convnext"};

/// Null if there is no such size.
const ConvNextOptions* convnext_of_size(std::string_view size) {
    if (size == "atto") return &kConvNextAtto;
    if (size == "tiny") return &kConvNextTiny;
    if (size == "small") return &kConvNextSmall;
    if (size == "base") return &kConvNextBase;
    if (size == "large") return &kConvNextLarge;
    return nullptr;
}

std::vector<LayerSpec> convnext(const ModelSpec& spec) {
    ConvNextOptions options = *convnext_of_size(spec.size);
    options.hidden = spec.hidden;
    options.drop_path = spec.drop_path;
    return convnext(options);
}

Expected<void, Error> validate_hidden(const ModelSpec& spec) {
    if (spec.builtin != "mlp" && spec.builtin != "convnext" && !spec.hidden.empty()) {
        return fail(
            fmt::format("model \"{}\" takes no hidden layers; they belong to \"mlp\" and "
                        "\"convnext\"",
                        spec.builtin));
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

Expected<void, Error> validate_convnext(const ModelSpec& spec) {
    if (convnext_of_size(spec.size) == nullptr) {
        return fail(
            fmt::format("model \"convnext\" has no size \"{}\"; allowed are atto, tiny, "
                        "small, base, large",
                        spec.size));
    }
    if (!(spec.drop_path >= 0 && spec.drop_path < 1)) {
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
    if (std::find(kBuiltins.begin(), kBuiltins.end(), spec.builtin) == kBuiltins.end()) {
        return fail(fmt::format("model \"{}\" is not known; allowed are {}", spec.builtin,
                                fmt::join(kBuiltins, ", ")));
    }
    if (auto valid = validate_hidden(spec); !valid) return valid;
    if (spec.builtin == "convnext") {
        if (auto valid = validate_convnext(spec); !valid) return valid;
    }
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
    if (spec.builtin == "lenet5") return lenet5();
    if (spec.builtin == "vgg16star") return vgg16star();
    if (spec.builtin == "densenet121") return densenet(kDenseNet121);
    if (spec.builtin == "densenet201") return densenet(kDenseNet201);
    if (spec.builtin == "convnext") return convnext(spec);
    DYNAVG_CHECK(spec.builtin == "mlp" || spec.builtin == "logistic");
    return mlp(spec.hidden);
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
