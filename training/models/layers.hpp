#pragma once

// Includes LibTorch: for models/*.cpp only.

#define AT_PER_OPERATOR_HEADERS
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "protocol/random.hpp"
#include "training/model_spec.hpp"

namespace dynavg::training {

/// Whether a forward pass keeps what a backward pass needs, and whether dropout is on.
enum class PassKind : std::uint8_t { evaluation, training };

/// What a pass carries along the layers.
struct Pass {
    PassKind kind = PassKind::evaluation;
    protocol::RandomStream* dropout = nullptr;  ///< Masks, in the order of the layers.
};

/// Views of one layer's tensors in the flat arrays. Gradients are undefined in evaluation.
struct LayerParameters {
    at::Tensor kernel;
    at::Tensor bias;
    at::Tensor kernel_gradient;
    at::Tensor bias_gradient;
};

/// One layer. backward() follows a forward() of PassKind::training; it writes the gradients of the
/// layer's own parameters and returns that by its input. Both may change their argument.
class Layer {
public:
    Layer() = default;
    Layer(const Layer&) = delete;
    Layer& operator=(const Layer&) = delete;
    virtual ~Layer() = default;
    [[nodiscard]] virtual at::Tensor forward(at::Tensor input, const Pass& pass) = 0;
    [[nodiscard]] virtual at::Tensor backward(at::Tensor gradient) = 0;
};

/// The first layer need not know the gradient by its input.
enum class InputGradient : std::uint8_t { unneeded, needed };

[[nodiscard]] std::unique_ptr<Layer> make_convolution(const ConvolutionLayer& spec,
                                                      LayerParameters parameters,
                                                      InputGradient input_gradient);
[[nodiscard]] std::unique_ptr<Layer> make_dense(LayerParameters parameters,
                                                InputGradient input_gradient);
[[nodiscard]] std::unique_ptr<Layer> make_activation(Activation function);
[[nodiscard]] std::unique_ptr<Layer> make_pooling(Pooling function);
[[nodiscard]] std::unique_ptr<Layer> make_dropout(float rate);

}  // namespace dynavg::training
