#pragma once

#include <cstddef>
#include <cstdint>
#include <variant>
#include <vector>

namespace dynavg::training {

/// `same`: kernel / 2 zeros at each side, for odd kernels. `valid`: none.
enum class Padding : std::uint8_t { valid, same };
enum class Activation : std::uint8_t { tanh, relu, gelu };
enum class Pooling : std::uint8_t { average, maximum };
enum class Bias : std::uint8_t { none, learned };
/// Depthwise: each channel has one kernel of its own; there are as many filters as channels.
enum class Grouping : std::uint8_t { all_channels, depthwise };

/// How a tensor begins.
enum class Initializer : std::uint8_t {
    constant,
    glorot_uniform,    ///< In +-sqrt(6 / (fan_in + fan_out)).
    he_normal,         ///< Truncated normal of variance 2 / fan_in (He et al. 2015, Keras' form).
    truncated_normal,  ///< Standard deviation 0.02, cut at two of them.
};

struct KernelOptions {
    Initializer initializer = Initializer::glorot_uniform;
    float l2 = 0;  ///< The loss has l2 times the sum of squares in it.
};

struct ConvolutionLayer {
    std::size_t filters;
    std::size_t kernel;
    Padding padding;
    std::size_t stride = 1;
    Bias bias = Bias::learned;
    KernelOptions options{};
    Grouping grouping = Grouping::all_channels;
};
struct DenseLayer {
    std::size_t units;
    KernelOptions options{};
};
struct ActivationLayer {
    Activation function;
};
/// 2 x 2, stride 2.
struct PoolingLayer {
    Pooling function;
};
/// Maximum of 3 x 3 with one pixel of padding, stride 2.
struct StemPoolingLayer {};
/// The mean of each channel.
struct GlobalPoolingLayer {};
/// Keras' form: the values that stay are scaled by 1 / (1 - rate); nothing happens in evaluation.
struct DropoutLayer {
    float rate;
};
/// Stochastic depth (Huang et al. 2016): in training, all of a sample becomes zero with this
/// probability; a sample that stays is scaled by 1 / (1 - rate).
struct DropPathLayer {
    float rate;
};
/// Over samples and pixels, per channel (Ioffe & Szegedy 2015): with the batch's mean and variance
/// in training, with the running ones in evaluation. The latter are buffers: after a step
/// running = momentum * running + (1 - momentum) * batch, the variance with Bessel's correction.
struct BatchNormLayer {
    float epsilon;
    float momentum;
};
/// Over the channels of each pixel (Ba et al. 2016).
struct LayerNormLayer {
    float epsilon;
};
/// A learned factor per channel.
struct ScaleLayer {
    float initial;
};

struct LayerSpec;
/// How a branch and its input become one: channels side by side (DenseNet), or the sum (ResNet).
enum class Merge : std::uint8_t { concatenate, add };
/// Layers beside a way that leads past them. The first of them must leave its input as it is:
/// convolutions and norms do.
struct BranchLayer {
    Merge merge;
    std::vector<LayerSpec> layers;
};

/// A class, not an alias, so that a branch can hold layers.
struct LayerSpec : std::variant<ConvolutionLayer, DenseLayer, ActivationLayer, PoolingLayer,
                                StemPoolingLayer, GlobalPoolingLayer, DropoutLayer, DropPathLayer,
                                BatchNormLayer, LayerNormLayer, ScaleLayer, BranchLayer> {
    using variant::variant;
};

}  // namespace dynavg::training
