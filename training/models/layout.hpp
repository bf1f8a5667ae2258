#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "training/data/dataset.hpp"
#include "training/models/layer_spec.hpp"

namespace dynavg::training {

/// One tensor of the flat vector.
struct ParameterInfo {
    std::string name;                ///< "conv1.kernel", "dense2.bias", "norm3.running_mean".
    std::vector<std::size_t> shape;  ///< Kernels: (out, in, height, width) or (out, in).
    std::size_t fan_in = 0;          ///< Of kernels, as Keras defines them; else 0.
    std::size_t fan_out = 0;
    Initializer initializer = Initializer::constant;
    float constant = 0;  ///< Where it begins, if it is of that kind.
    float l2 = 0;        ///< The loss has l2 times its sum of squares in it.
    [[nodiscard]] std::size_t size() const;
};

[[nodiscard]] std::size_t total_size(std::span<const ParameterInfo> infos);

/// The order of the flat vector: parameters, then buffers.
struct ModelLayout {
    std::vector<ParameterInfo> parameters;
    std::vector<ParameterInfo> buffers;  ///< Statistics of batch norms: averaged, not learned.
    bool has_room = true;                ///< False if some layer leaves nothing of the image.

    /// Where the parameters of the head begin: of the dense layers at the end.
    [[nodiscard]] std::size_t head() const;
    [[nodiscard]] std::size_t parameter_count() const { return total_size(parameters); }
    [[nodiscard]] std::size_t buffer_count() const { return total_size(buffers); }
    [[nodiscard]] std::size_t value_count() const { return parameter_count() + buffer_count(); }
};

/// Walks the layers as an image of `input` goes through them.
[[nodiscard]] ModelLayout layout_of(std::span<const LayerSpec> layers, const ImageShape& input);

/// How the flat vector begins. The i-th parameter tensor is drawn from
/// RandomStream(seed, initial_weights, i), with + - * / and sqrt only: the same on every machine.
[[nodiscard]] std::vector<float> initial_values(const ModelLayout& layout, std::uint64_t seed);

}  // namespace dynavg::training
