#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "training/models/layer_spec.hpp"

namespace dynavg::training {

struct ModelSpec;

/// Whether `[model] hidden` says how wide a model's hidden layers are.
enum class HiddenLayers : std::uint8_t {
    none,        ///< The model takes none: the key is refused.
    by_default,  ///< It has those of the key's default, or those that are given.
    if_given,    ///< It has none unless the key is set.
};

/// All that is particular to one built-in model. A new one is a row of the table in
/// builtin_model.cpp and a list of layers (architectures.hpp); the configuration, its messages and
/// the trainer read the row.
struct BuiltinModel {
    std::string_view name;  ///< As configurations and the handshake write it.
    /// Of a spec that passed validate(); the last layer gives the logits.
    std::vector<LayerSpec> (*layers)(const ModelSpec& spec) = nullptr;
    HiddenLayers hidden = HiddenLayers::none;
    std::span<const std::string_view> sizes{};  ///< Values of `size`; empty: it has one size.
    bool has_drop_path = false;                 ///< Takes `drop_path`: stochastic depth.
};

/// In the order in which messages and documentation list them.
[[nodiscard]] std::span<const BuiltinModel> builtin_models();
/// Null if there is none of that name.
[[nodiscard]] const BuiltinModel* find_builtin_model(std::string_view name);

}  // namespace dynavg::training
