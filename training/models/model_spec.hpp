#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/monitor/monitor_kind.hpp"
#include "protocol/reference/reference.hpp"
#include "training/data/dataset.hpp"
#include "training/models/layer_spec.hpp"
#include "training/models/layout.hpp"

namespace dynavg::training {

/// The number of classes of every built-in model.
inline constexpr std::size_t kModelClasses = 10;

/// Names a model. All peers of a network have the same one.
struct ModelSpec {
    /// A name of builtin_models().
    std::string builtin = "lenet5";
    /// mlp: units of each hidden layer (relu). convnext: of those before the last dense layer.
    std::vector<std::size_t> hidden{};
    std::string size = "tiny";  ///< convnext: atto, tiny, small, base, large.
    float drop_path = 0;        ///< convnext: of its last block, in [0, 1).
    std::uint64_t seed = 1;     ///< Of the initial weights.
    ImageShape input{};         ///< Of the data; that of MNIST's digits without a word.
};

/// Whether such a model exists and has room on such images; the Error names what is allowed. The
/// other functions here take specs that passed.
[[nodiscard]] Expected<void, Error> validate(const ModelSpec& spec);

/// The model as a list; the last layer gives the logits.
[[nodiscard]] std::vector<LayerSpec> layers_of(const ModelSpec& spec);

/// The order of its flat vector.
[[nodiscard]] ModelLayout layout_of(const ModelSpec& spec);

/// Parameters, then buffers, as layout_of() says they begin; the running statistics of a batch norm
/// at mean 0 and variance 1.
[[nodiscard]] std::vector<float> initial_values(const ModelSpec& spec);

/// Sizes for the protocol; linear and cascade have a direction, an outer optimizer its state.
[[nodiscard]] protocol::ReferenceShape shape_of(
    const ModelSpec& spec, protocol::MonitorKind monitor,
    protocol::OuterKind outer = protocol::OuterKind::average);

/// Over names, shapes and types of all parameters and buffers: peers compare it before they join.
/// The seed and the values are not in it.
[[nodiscard]] protocol::Digest schema_digest(const ModelSpec& spec);

}  // namespace dynavg::training
