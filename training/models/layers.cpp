#include "training/models/layers.hpp"

#include <ATen/ops/addmm.h>
#include <ATen/ops/convolution.h>
#include <ATen/ops/convolution_backward.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/gelu_backward.h>
#include <ATen/ops/mm.h>
#include <ATen/ops/sum.h>

#include "protocol/base/check.hpp"
#include "training/kernels/lane_kernels.hpp"

namespace dynavg::training {

namespace {

class Convolution final : public Layer {
public:
    Convolution(const ConvolutionLayer& spec, LayerParameters parameters,
                InputGradient input_gradient)
        : m_parameters(std::move(parameters)),
          m_padding(both(spec.padding == Padding::same ? spec.kernel / 2 : 0)),
          m_stride(both(spec.stride)),
          m_groups(spec.grouping == Grouping::depthwise ? static_cast<std::int64_t>(spec.filters)
                                                        : 1),
          m_input_gradient(input_gradient == InputGradient::needed) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        at::Tensor output =
            at::convolution(input, m_parameters.kernel.value, m_parameters.bias.value, m_stride,
                            m_padding, kOnes, false, kZeros, m_groups);
        if (pass.kind == PassKind::training) m_input = std::move(input);
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        const bool has_bias = m_parameters.bias.value.defined();
        const std::array<std::int64_t, 1> bias_shape{m_parameters.kernel.value.size(0)};
        auto [by_input, by_kernel, by_bias] = at::convolution_backward(
            gradient, m_input, m_parameters.kernel.value, at::IntArrayRef(bias_shape), m_stride,
            m_padding, kOnes, false, kZeros, m_groups, {m_input_gradient, true, has_bias});
        m_parameters.kernel.gradient.copy_(by_kernel);
        if (has_bias) m_parameters.bias.gradient.copy_(by_bias);
        m_input.reset();
        return by_input;
    }

private:
    using Pair = std::array<std::int64_t, 2>;
    static constexpr Pair kOnes{1, 1};
    static constexpr Pair kZeros{0, 0};
    static Pair both(std::size_t extent) {
        return {static_cast<std::int64_t>(extent), static_cast<std::int64_t>(extent)};
    }

    LayerParameters m_parameters;
    Pair m_padding;
    Pair m_stride;
    std::int64_t m_groups;
    bool m_input_gradient;
    at::Tensor m_input;
};

/// Takes any shape of input as (samples, features).
class Dense final : public Layer {
public:
    Dense(LayerParameters parameters, InputGradient input_gradient)
        : m_parameters(std::move(parameters)),
          m_transposed(m_parameters.kernel.value.t()),
          m_input_gradient(input_gradient == InputGradient::needed) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        at::Tensor flat = input.view({input.size(0), -1});
        at::Tensor output = at::addmm(m_parameters.bias.value, flat, m_transposed);
        if (pass.kind == PassKind::training) {
            m_shape = input.sizes().vec();
            m_input = std::move(flat);
        }
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        at::mm_out(m_parameters.kernel.gradient, gradient.t(), m_input);
        at::sum_out(m_parameters.bias.gradient, gradient, at::IntArrayRef(kSamples));
        m_input.reset();
        if (!m_input_gradient) return {};
        return at::mm(gradient, m_parameters.kernel.value).view(m_shape);
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

/// x times the normal distribution's share below x (Hendrycks & Gimpel 2016), without
/// approximation.
class Gelu final : public Layer {
public:
    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        at::Tensor output = at::gelu(input);
        if (pass.kind == PassKind::training) m_input = std::move(input);
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        at::Tensor by_input = at::gelu_backward(gradient, m_input);
        m_input.reset();
        return by_input;
    }

private:
    at::Tensor m_input;
};

/// The unit that one number of a mask stands for.
enum class MaskUnit : std::uint8_t { value, sample };

class Dropout final : public Layer {
public:
    Dropout(float rate, MaskUnit unit) : m_rate(rate), m_unit(unit) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        if (pass.kind == PassKind::evaluation) return input;
        DYNAVG_CHECK(pass.dropout != nullptr);
        m_mask.resize(m_unit == MaskUnit::value ? size_of(input)
                                                : static_cast<std::size_t>(input.size(0)));
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
        DYNAVG_CHECK(tensor.is_contiguous() && size_of(tensor) % m_mask.size() == 0);
        float* values = data(tensor);
        if (m_unit == MaskUnit::value) {
            DYNAVG_CHECK(size_of(tensor) == m_mask.size());
            for (std::size_t i = 0; i < m_mask.size(); ++i) values[i] *= m_mask[i];
            return;
        }
        const std::size_t size = size_of(tensor) / m_mask.size();
        for (const float factor : m_mask) {
            for (std::size_t i = 0; i < size; ++i) values[i] *= factor;
            values += size;
        }
    }

    float m_rate;
    MaskUnit m_unit;
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
    if (function == Activation::gelu) return std::make_unique<Gelu>();
    return std::make_unique<ActivationFunction>(function);
}

std::unique_ptr<Layer> make_dropout(float rate) {
    return std::make_unique<Dropout>(rate, MaskUnit::value);
}

std::unique_ptr<Layer> make_drop_path(float rate) {
    return std::make_unique<Dropout>(rate, MaskUnit::sample);
}

}  // namespace dynavg::training
