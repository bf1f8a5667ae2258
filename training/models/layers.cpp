#include "training/models/layers.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

#include "protocol/check.hpp"
#include "training/lane_kernels.hpp"

namespace dynavg::training {

namespace {

float* data(const at::Tensor& tensor) {
    return tensor.data_ptr<float>();
}

std::size_t size_of(const at::Tensor& tensor) {
    return static_cast<std::size_t>(tensor.numel());
}

class Convolution final : public Layer {
public:
    Convolution(const ConvolutionLayer& spec, LayerParameters parameters,
                InputGradient input_gradient)
        : m_parameters(std::move(parameters)),
          m_padding(spec.padding == Padding::same ? static_cast<std::int64_t>(spec.kernel / 2) : 0),
          m_input_gradient(input_gradient == InputGradient::needed) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        const std::array<std::int64_t, 2> padding{m_padding, m_padding};
        at::Tensor output = at::convolution(input, m_parameters.kernel, m_parameters.bias, kOnes,
                                            padding, kOnes, false, kZeros, 1);
        if (pass.kind == PassKind::training) m_input = std::move(input);
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        const std::array<std::int64_t, 2> padding{m_padding, m_padding};
        const std::array<std::int64_t, 1> bias_shape{m_parameters.bias.size(0)};
        auto [by_input, by_kernel, by_bias] = at::convolution_backward(
            gradient, m_input, m_parameters.kernel, at::IntArrayRef(bias_shape), kOnes, padding,
            kOnes, false, kZeros, 1, {m_input_gradient, true, true});
        m_parameters.kernel_gradient.copy_(by_kernel);
        m_parameters.bias_gradient.copy_(by_bias);
        m_input.reset();
        return by_input;
    }

private:
    static constexpr std::array<std::int64_t, 2> kOnes{1, 1};
    static constexpr std::array<std::int64_t, 2> kZeros{0, 0};
    LayerParameters m_parameters;
    std::int64_t m_padding;
    bool m_input_gradient;
    at::Tensor m_input;
};

/// Takes any shape of input as (samples, features).
class Dense final : public Layer {
public:
    Dense(LayerParameters parameters, InputGradient input_gradient)
        : m_parameters(std::move(parameters)),
          m_transposed(m_parameters.kernel.t()),
          m_input_gradient(input_gradient == InputGradient::needed) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        at::Tensor flat = input.view({input.size(0), -1});
        at::Tensor output = at::addmm(m_parameters.bias, flat, m_transposed);
        if (pass.kind == PassKind::training) {
            m_shape = input.sizes().vec();
            m_input = std::move(flat);
        }
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        at::mm_out(m_parameters.kernel_gradient, gradient.t(), m_input);
        at::sum_out(m_parameters.bias_gradient, gradient, at::IntArrayRef(kSamples));
        m_input.reset();
        if (!m_input_gradient) return {};
        return at::mm(gradient, m_parameters.kernel).view(m_shape);
    }

private:
    static constexpr std::array<std::int64_t, 1> kSamples{0};
    LayerParameters m_parameters;
    at::Tensor m_transposed;
    bool m_input_gradient;
    at::Tensor m_input;
    std::vector<std::int64_t> m_shape;
};

class ActivationFunction final : public Layer {
public:
    explicit ActivationFunction(Activation function) : m_function(function) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        const LaneKernels& kernels = lane_kernels();
        const auto apply = m_function == Activation::tanh ? kernels.tanh : kernels.relu;
        apply(data(input), size_of(input));
        if (pass.kind == PassKind::training) m_output = input;
        return input;
    }

    at::Tensor backward(at::Tensor gradient) override {
        const LaneKernels& kernels = lane_kernels();
        const auto apply =
            m_function == Activation::tanh ? kernels.tanh_backward : kernels.relu_backward;
        DYNAVG_CHECK(gradient.is_contiguous());
        apply(data(gradient), data(m_output), size_of(gradient));
        m_output.reset();
        return gradient;
    }

private:
    Activation m_function;
    at::Tensor m_output;
};

/// Height and width of (samples, channels, height, width), seen as one stack of planes.
struct Planes {
    std::size_t count;
    std::size_t height;
    std::size_t width;
};

Planes planes_of(const at::Tensor& images) {
    DYNAVG_CHECK(images.dim() == 4 && images.is_contiguous());
    return {static_cast<std::size_t>(images.size(0) * images.size(1)),
            static_cast<std::size_t>(images.size(2)), static_cast<std::size_t>(images.size(3))};
}

at::Tensor halved(const at::Tensor& images) {
    return at::empty({images.size(0), images.size(1), images.size(2) / 2, images.size(3) / 2},
                     images.options());
}

/// Calls body(index of the upper left input of a window, index of the output) for each window.
template <class Body>
void for_windows(const Planes& planes, Body body) {
    const std::size_t rows = planes.height / 2;
    const std::size_t columns = planes.width / 2;
    std::size_t output = 0;
    for (std::size_t plane = 0; plane < planes.count; ++plane) {
        for (std::size_t row = 0; row < rows; ++row) {
            const std::size_t input = (plane * planes.height + 2 * row) * planes.width;
            for (std::size_t column = 0; column < columns; ++column) {
                body(input + 2 * column, output++);
            }
        }
    }
}

class AveragePooling final : public Layer {
public:
    at::Tensor forward(at::Tensor input, const Pass&) override {
        const Planes planes = planes_of(input);
        at::Tensor output = halved(input);
        const float* from = data(input);
        float* to = data(output);
        const std::size_t width = planes.width;
        for_windows(planes, [from, to, width](std::size_t in, std::size_t out) {
            to[out] =
                ((from[in] + from[in + 1]) + (from[in + width] + from[in + width + 1])) * 0.25F;
        });
        m_shape = input.sizes().vec();
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        // An odd last row or column is in no window, and its gradient is zero.
        at::Tensor by_input = at::empty(m_shape, gradient.options());
        const Planes planes = planes_of(by_input);
        if (planes.height % 2 != 0 || planes.width % 2 != 0) by_input.zero_();
        DYNAVG_CHECK(gradient.is_contiguous());
        const float* from = data(gradient);
        float* to = data(by_input);
        const std::size_t width = planes.width;
        for_windows(planes, [from, to, width](std::size_t in, std::size_t out) {
            const float part = from[out] * 0.25F;
            to[in] = part;
            to[in + 1] = part;
            to[in + width] = part;
            to[in + width + 1] = part;
        });
        return by_input;
    }

private:
    std::vector<std::int64_t> m_shape;
};

/// Of equal values the first in reading order is the maximum.
class MaximumPooling final : public Layer {
public:
    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        const Planes planes = planes_of(input);
        at::Tensor output = halved(input);
        const float* from = data(input);
        float* to = data(output);
        const std::size_t width = planes.width;
        m_shape = input.sizes().vec();
        m_winners.resize(pass.kind == PassKind::training ? size_of(output) : 0);
        std::uint32_t* winners = m_winners.empty() ? nullptr : m_winners.data();
        for_windows(planes, [from, to, width, winners](std::size_t in, std::size_t out) {
            std::size_t best = in;
            for (const std::size_t candidate : {in + 1, in + width, in + width + 1}) {
                if (from[candidate] > from[best]) best = candidate;
            }
            to[out] = from[best];
            if (winners != nullptr) winners[out] = static_cast<std::uint32_t>(best);
        });
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        at::Tensor by_input = at::empty(m_shape, gradient.options()).zero_();
        DYNAVG_CHECK(gradient.is_contiguous() && size_of(gradient) == m_winners.size());
        const float* from = data(gradient);
        float* to = data(by_input);
        for (std::size_t i = 0; i < m_winners.size(); ++i) to[m_winners[i]] = from[i];
        return by_input;
    }

private:
    std::vector<std::int64_t> m_shape;
    std::vector<std::uint32_t> m_winners;
};

class Dropout final : public Layer {
public:
    explicit Dropout(float rate) : m_rate(rate) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        if (pass.kind == PassKind::evaluation) return input;
        DYNAVG_CHECK(pass.dropout != nullptr);
        m_mask.resize(size_of(input));
        const float kept = 1.0F / (1.0F - m_rate);
        for (float& factor : m_mask) factor = pass.dropout->uniform_float() < m_rate ? 0.0F : kept;
        apply(input);
        return input;
    }

    at::Tensor backward(at::Tensor gradient) override {
        apply(gradient);
        return gradient;
    }

private:
    void apply(const at::Tensor& tensor) const {
        DYNAVG_CHECK(tensor.is_contiguous() && size_of(tensor) == m_mask.size());
        float* values = data(tensor);
        for (std::size_t i = 0; i < m_mask.size(); ++i) values[i] *= m_mask[i];
    }

    float m_rate;
    std::vector<float> m_mask;
};

}  // namespace

std::unique_ptr<Layer> make_convolution(const ConvolutionLayer& spec, LayerParameters parameters,
                                        InputGradient input_gradient) {
    return std::make_unique<Convolution>(spec, std::move(parameters), input_gradient);
}

std::unique_ptr<Layer> make_dense(LayerParameters parameters, InputGradient input_gradient) {
    return std::make_unique<Dense>(std::move(parameters), input_gradient);
}

std::unique_ptr<Layer> make_activation(Activation function) {
    return std::make_unique<ActivationFunction>(function);
}

std::unique_ptr<Layer> make_pooling(Pooling function) {
    if (function == Pooling::average) return std::make_unique<AveragePooling>();
    return std::make_unique<MaximumPooling>();
}

std::unique_ptr<Layer> make_dropout(float rate) {
    return std::make_unique<Dropout>(rate);
}

}  // namespace dynavg::training
