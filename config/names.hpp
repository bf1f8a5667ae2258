#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "training/data/source.hpp"
#include "training/models/builtin_model.hpp"

/// The words of the configuration and what they mean.
namespace dynavg::config {

template <class E>
using Named = std::pair<std::string_view, E>;

inline constexpr std::array<Named<protocol::Role>, 2> kRoles{{
    {"member", protocol::Role::member},
    {"observer", protocol::Role::observer},
}};

inline constexpr std::array<Named<OptimizerKind>, 3> kOptimizers{{
    {"sgd", OptimizerKind::sgd},
    {"adam", OptimizerKind::adam},
    {"adamw", OptimizerKind::adamw},
}};

inline constexpr std::array<Named<Device>, 1> kDevices{{{"cpu", Device::cpu}}};

/// All that stand for themselves; interval is written with its steps.
[[nodiscard]] std::span<const Named<protocol::MonitorKind>> monitors();

inline constexpr std::array<Named<protocol::OuterKind>, 4> kOuterOptimizers{{
    {"average", protocol::OuterKind::average},
    {"momentum", protocol::OuterKind::momentum},
    {"nesterov", protocol::OuterKind::nesterov},
    {"adam", protocol::OuterKind::adam},
}};

inline constexpr std::array<Named<protocol::WeightRule>, 2> kWeightRules{{
    {"equal", protocol::WeightRule::equal},
    {"samples", protocol::WeightRule::samples},
}};

inline constexpr std::array<Named<protocol::Pace>, 2> kPaces{{
    {"free", protocol::Pace::free},
    {"lockstep", protocol::Pace::lockstep},
}};

inline constexpr std::array<Named<protocol::QuorumRule>, 2> kQuorumRules{{
    {"majority", protocol::QuorumRule::majority},
    {"none", protocol::QuorumRule::none},
}};

inline constexpr std::array<Named<protocol::Level>, 4> kLevels{{
    {"debug", protocol::Level::debug},
    {"info", protocol::Level::info},
    {"warning", protocol::Level::warning},
    {"error", protocol::Level::error},
}};

inline constexpr std::array<Named<DriftKind>, 2> kDrifts{{
    {"labels", DriftKind::labels},
    {"pixels", DriftKind::pixels},
}};

inline constexpr std::array<Named<Split::Kind>, 5> kSplits{{
    {"iid", Split::Kind::iid},
    {"label", Split::Kind::label},
    {"sorted", Split::Kind::sorted},
    {"dirichlet", Split::Kind::dirichlet},
    {"unequal", Split::Kind::unequal},
}};

/// Empty if the value has no name.
template <class E>
[[nodiscard]] std::string_view name_in(std::span<const Named<E>> names, E value) {
    for (const auto& [name, candidate] : names) {
        if (candidate == value) return name;
    }
    return {};
}

/// From the tables of training/, in their order.
[[nodiscard]] std::vector<std::string> model_names();
[[nodiscard]] std::vector<std::string> size_names();  ///< Of any model.
[[nodiscard]] std::vector<std::string> source_names();

/// The models that take these keys, and the sources that take that one.
[[nodiscard]] std::vector<std::string> models_with_hidden(training::HiddenLayers hidden);
[[nodiscard]] std::vector<std::string> models_with_sizes();
[[nodiscard]] std::vector<std::string> models_with_drop_path();
[[nodiscard]] std::vector<std::string> sources_with(bool training::SourceKeys::*key);

/// Whether its samples are in the files of a folder; else they are drawn.
[[nodiscard]] bool reads_files(const DataConfig& data);

/// "a", "a and b", "a, b and c".
[[nodiscard]] std::string in_words(std::span<const std::string> names, std::string_view last);

/// The reverse of text_of(): "iid", "label:3", "sorted:0.6".
[[nodiscard]] std::optional<Split> parse_split(std::string_view text);

}  // namespace dynavg::config
