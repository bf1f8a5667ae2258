#include "training/models/builtin_model.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "protocol/base/check.hpp"
#include "training/models/architectures.hpp"
#include "training/models/model_spec.hpp"

namespace dynavg::training {

namespace {

constexpr std::array<std::string_view, 5> kConvNextSizes{"atto", "tiny", "small", "base", "large"};

std::vector<LayerSpec> convnext_layers(const ModelSpec& spec) {
    const std::array options{&kConvNextAtto, &kConvNextTiny, &kConvNextSmall, &kConvNextBase,
                             &kConvNextLarge};
    const auto size = std::find(kConvNextSizes.begin(), kConvNextSizes.end(), spec.size);
    DYNAVG_CHECK(size != kConvNextSizes.end());
    ConvNextOptions chosen = *options.at(static_cast<std::size_t>(size - kConvNextSizes.begin()));
    chosen.hidden = spec.hidden;
    chosen.drop_path = spec.drop_path;
    return convnext(chosen);
}

constexpr std::array kModels{
    BuiltinModel{.name = "lenet5", .layers = [](const ModelSpec&) { return lenet5(); }},
    BuiltinModel{.name = "vgg16star", .layers = [](const ModelSpec&) { return vgg16star(); }},
    BuiltinModel{.name = "mlp",
                 .layers = [](const ModelSpec& spec) { return mlp(spec.hidden); },
                 .hidden = HiddenLayers::by_default},
    BuiltinModel{.name = "densenet121",
                 .layers = [](const ModelSpec&) { return densenet(kDenseNet121); }},
    BuiltinModel{.name = "densenet201",
                 .layers = [](const ModelSpec&) { return densenet(kDenseNet201); }},
    BuiltinModel{.name = "convnext",
                 .layers = convnext_layers,
                 .hidden = HiddenLayers::if_given,
                 .sizes = kConvNextSizes,
                 .has_drop_path = true},
    BuiltinModel{.name = "logistic", .layers = [](const ModelSpec&) { return mlp({}); }},
};

}  // namespace

std::span<const BuiltinModel> builtin_models() {
    return kModels;
}

const BuiltinModel* find_builtin_model(std::string_view name) {
    const auto* const found = std::find_if(
        kModels.begin(), kModels.end(), [name](const auto& model) { return model.name == name; });
    return found == kModels.end() ? nullptr : found;
}

}  // namespace dynavg::training
