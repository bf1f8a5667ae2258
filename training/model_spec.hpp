#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "protocol/expected.hpp"
#include "protocol/ids.hpp"
#include "protocol/local_state.hpp"
#include "protocol/reference.hpp"
#include "training/data/dataset.hpp"

namespace dynavg::training {

/// What every built-in model tells apart.
inline constexpr std::size_t kModelClasses = 10;

/// Names a model. All peers of a network have the same one.
struct ModelSpec {
    std::string builtin = "lenet5";     ///< lenet5, vgg16star, mlp, logistic.
    std::vector<std::size_t> hidden{};  ///< mlp: units of each hidden layer (relu).
    std::uint64_t seed = 1;             ///< Of the initial weights.
    ImageShape input{};                 ///< Of the data; that of MNIST's digits without a word.
};

/// Whether such a model exists and has room on such images; the Error names what is allowed. The
/// other functions here take specs that passed.
[[nodiscard]] Expected<void, Error> validate(const ModelSpec& spec);

enum class Padding : std::uint8_t { valid, same };
enum class Activation : std::uint8_t { tanh, relu };
enum class Pooling : std::uint8_t { average, maximum };

struct ConvolutionLayer {
    std::size_t filters;
    std::size_t kernel;
    Padding padding;
};
struct DenseLayer {
    std::size_t units;
};
struct ActivationLayer {
    Activation function;
};
/// 2 x 2, stride 2.
struct PoolingLayer {
    Pooling function;
};
/// Keras' form: what stays is scaled by 1 / (1 - rate); nothing happens in evaluation.
struct DropoutLayer {
    float rate;
};
using LayerSpec =
    std::variant<ConvolutionLayer, DenseLayer, ActivationLayer, PoolingLayer, DropoutLayer>;

/// The model as a list; the last layer gives the logits.
[[nodiscard]] std::vector<LayerSpec> layers_of(const ModelSpec& spec);

/// One tensor of the flat parameter vector.
struct ParameterInfo {
    std::string name;                ///< "conv1.kernel", "dense2.bias".
    std::vector<std::size_t> shape;  ///< Kernels: (out, in, height, width) or (out, in).
    std::size_t fan_in = 0;          ///< As Keras defines them; 0 for a bias.
    std::size_t fan_out = 0;
    [[nodiscard]] std::size_t size() const;
};

/// The order of the flat vector.
[[nodiscard]] std::vector<ParameterInfo> parameters_of(const ModelSpec& spec);

/// Length of the flat vector.
[[nodiscard]] std::size_t count_parameters(const ModelSpec& spec);

/// Glorot-uniform kernels, in +-sqrt(6 / (fan_in + fan_out)), and zero biases, from
/// RandomStream(seed, initial_weights, index of the tensor).
[[nodiscard]] std::vector<float> initial_values(const ModelSpec& spec);

/// Sizes for the protocol; the linear monitor has a direction.
[[nodiscard]] protocol::ReferenceShape shape_of(const ModelSpec& spec,
                                                protocol::MonitorKind monitor);

/// Over names, shapes and types of all parameters: peers compare it before they join. The seed and
/// the values are not in it.
[[nodiscard]] protocol::Digest schema_digest(const ModelSpec& spec);

}  // namespace dynavg::training
