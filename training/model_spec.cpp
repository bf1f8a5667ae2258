#include "training/model_spec.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "protocol/check.hpp"
#include "protocol/digest.hpp"
#include "protocol/limits.hpp"
#include "training/models/architectures.hpp"

namespace dynavg::training {

namespace {

constexpr std::size_t kHiddenLayersMax = 32;
constexpr std::size_t kHiddenUnitsMax = 65536;
constexpr std::size_t kSideMax = 4096;

constexpr std::array kBuiltins{"lenet5",   "vgg16star",   "mlp",
                               "logistic", "densenet121", "densenet201"};

Expected<void, Error> validate_mlp(const ModelSpec& spec) {
    if (spec.hidden.size() > kHiddenLayersMax) {
        return fail(fmt::format("model \"mlp\" has {} hidden layers; at most {} are possible",
                                spec.hidden.size(), kHiddenLayersMax));
    }
    for (const std::size_t units : spec.hidden) {
        if (units == 0 || units > kHiddenUnitsMax) {
            return fail(
                fmt::format("a hidden layer of model \"mlp\" has {} units; it must "
                            "have 1 to {}",
                            units, kHiddenUnitsMax));
        }
    }
    const std::size_t total = layout_of(spec).value_count();
    if (total > protocol::limits::kModelValuesMax) {
        return fail(
            fmt::format("model \"mlp\" would have {} parameters; at most {} are "
                        "possible, choose smaller hidden layers",
                        total, protocol::limits::kModelValuesMax));
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
    if (spec.builtin == "mlp") return validate_mlp(spec);
    if (std::find(kBuiltins.begin(), kBuiltins.end(), spec.builtin) == kBuiltins.end()) {
        return fail(fmt::format("model \"{}\" is not known; allowed are {}", spec.builtin,
                                fmt::join(kBuiltins, ", ")));
    }
    if (!spec.hidden.empty()) {
        return fail(fmt::format("model \"{}\" takes no hidden layers; they belong to \"mlp\"",
                                spec.builtin));
    }
    if (!layout_of(spec).has_room) {
        return fail(
            fmt::format("model \"{}\" has no room on images of {} x {}; choose a smaller "
                        "model or larger images",
                        spec.builtin, input.height, input.width));
    }
    return {};
}

std::vector<LayerSpec> layers_of(const ModelSpec& spec) {
    if (spec.builtin == "lenet5") return lenet5();
    if (spec.builtin == "vgg16star") return vgg16star();
    if (spec.builtin == "densenet121") return densenet(kDenseNet121);
    if (spec.builtin == "densenet201") return densenet(kDenseNet201);
    DYNAVG_CHECK(spec.builtin == "mlp" || spec.builtin == "logistic");
    return mlp(spec.hidden);
}

ModelLayout layout_of(const ModelSpec& spec) {
    return layout_of(layers_of(spec), spec.input);
}

std::vector<float> initial_values(const ModelSpec& spec) {
    return initial_values(layout_of(spec), spec.seed);
}

protocol::ReferenceShape shape_of(const ModelSpec& spec, protocol::MonitorKind monitor) {
    protocol::ReferenceShape shape;
    const ModelLayout layout = layout_of(spec);
    shape.parameters = layout.parameter_count();
    shape.buffers = layout.buffer_count();
    shape.has_direction = monitor == protocol::MonitorKind::linear;
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
