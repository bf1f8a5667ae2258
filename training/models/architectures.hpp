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

/// The sizes in which DenseNets differ; tests make small ones. The rest is as FDA has it.
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

/// The sizes in which ConvNeXts differ.
struct ConvNextOptions {
    std::array<std::size_t, 4> blocks;    ///< Per stage.
    std::array<std::size_t, 4> channels;  ///< Likewise.
    /// Probability to leave out the last block (stochastic depth); it rises evenly from 0 at the
    /// first one.
    float drop_path = 0;
    std::vector<std::size_t> hidden{};  ///< Units of dense layers (relu) before the last one.
    std::size_t classes = 10;
};
/// Without drop path and hidden layers. Liu et al. 2022, section 3; atto: Woo et al. 2023.
inline const ConvNextOptions kConvNextAtto{{2, 2, 6, 2}, {40, 80, 160, 320}};
inline const ConvNextOptions kConvNextTiny{{3, 3, 9, 3}, {96, 192, 384, 768}};
inline const ConvNextOptions kConvNextSmall{{3, 3, 27, 3}, {96, 192, 384, 768}};
inline const ConvNextOptions kConvNextBase{{3, 3, 27, 3}, {128, 256, 512, 1024}};
inline const ConvNextOptions kConvNextLarge{{3, 3, 27, 3}, {192, 384, 768, 1536}};

/// ConvNeXt (Liu et al. 2022) in the form of Keras' applications: stem 4 x 4 / 4, blocks of a
/// depthwise 7 x 7, LayerNorm, two pointwise layers with gelu between them and a layer scale that
/// begins at 1e-6; LayerNorm and 2 x 2 / 2 between stages. Kernels begin as a truncated normal of
/// deviation 0.02.
[[nodiscard]] std::vector<LayerSpec> convnext(const ConvNextOptions& options);

}  // namespace dynavg::training
