#pragma once

// Includes LibTorch: for models/*.cpp only.

#define AT_PER_OPERATOR_HEADERS
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "protocol/base/random.hpp"
#include "training/models/layer_spec.hpp"

namespace dynavg::training {

/// Whether a forward pass keeps what a backward pass needs, and whether dropout is on.
enum class PassKind : std::uint8_t { evaluation, training };

/// Of a contiguous tensor of floats.
inline float* data(const at::Tensor& tensor) {
    return tensor.data_ptr<float>();
}
inline std::size_t size_of(const at::Tensor& tensor) {
    return static_cast<std::size_t>(tensor.numel());
}

/// The context of one pass over the layers.
struct Pass {
    PassKind kind = PassKind::evaluation;
    protocol::RandomStream* dropout = nullptr;  ///< Masks, in the order of the layers.
};

/// Views of one tensor in the flat arrays. The gradient is undefined in evaluation.
struct Learned {
    at::Tensor value;
    at::Tensor gradient;
};
/// The parameters of a layer with a kernel; one may go without a bias.
struct LayerParameters {
    Learned kernel;
    Learned bias;
};
struct NormParameters {
    Learned gamma;
    Learned beta;
};
/// Buffers of a batch norm: views of the flat array.
struct RunningStatistics {
    at::Tensor mean;
    at::Tensor variance;
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
    /// Moves running statistics towards those of the last pass in training.
    virtual void update_buffers() {}
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
[[nodiscard]] std::unique_ptr<Layer> make_stem_pooling();
[[nodiscard]] std::unique_ptr<Layer> make_global_pooling();
[[nodiscard]] std::unique_ptr<Layer> make_dropout(float rate);
[[nodiscard]] std::unique_ptr<Layer> make_drop_path(float rate);
[[nodiscard]] std::unique_ptr<Layer> make_batch_norm(const BatchNormLayer& spec,
                                                     NormParameters parameters,
                                                     RunningStatistics running);
[[nodiscard]] std::unique_ptr<Layer> make_layer_norm(const LayerNormLayer& spec,
                                                     NormParameters parameters);
[[nodiscard]] std::unique_ptr<Layer> make_scale(Learned gamma);
/// Its layers all need their input's gradient.
[[nodiscard]] std::unique_ptr<Layer> make_branch(Merge merge,
                                                 std::vector<std::unique_ptr<Layer>> layers);

}  // namespace dynavg::training
