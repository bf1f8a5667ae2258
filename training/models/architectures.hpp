#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "training/models/layer_spec.hpp"

/// The built-in models as lists of layers; the last one gives the logits.
namespace dynavg::training {

/// LeCun et al. 1998, as FDA has it: tanh, average pooling, no sparse connections.
[[nodiscard]] std::vector<LayerSpec> lenet5();

/// FDA's: three blocks of VGG16, two dense layers of 512 with dropout.
[[nodiscard]] std::vector<LayerSpec> vgg16star();

/// Dense layers with relu between them; without any of them, logistic regression.
[[nodiscard]] std::vector<LayerSpec> mlp(const std::vector<std::size_t>& hidden);

/// What DenseNets differ in; tests make small ones. The rest is as FDA has it.
struct DenseNetOptions {
    std::array<std::size_t, 4> blocks;  ///< Convolution pairs per dense block.
    std::size_t growth = 32;  ///< Channels that each pair adds; twice as many in the stem.
    float dropout = 0.2F;     ///< After each convolution of a dense block.
    float l2 = 1e-4F;         ///< On every kernel.
};
inline constexpr DenseNetOptions kDenseNet121{{6, 12, 24, 16}};
inline constexpr DenseNetOptions kDenseNet201{{6, 12, 48, 32}};

/// DenseNet-BC (Huang et al. 2017, table 1) in the form of Keras' applications: stem 7 x 7 / 2 and
/// 3 x 3 / 2 maximum pooling, bottlenecks of 4 x growth, transitions that halve the channels, no
/// biases but the last layer's. All kernels begin He-normal.
[[nodiscard]] std::vector<LayerSpec> densenet(const DenseNetOptions& options);

}  // namespace dynavg::training
