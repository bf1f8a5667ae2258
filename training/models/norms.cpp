#include <algorithm>
#include <array>

#include <ATen/ops/mul.h>
#include <ATen/ops/native_batch_norm.h>
#include <ATen/ops/native_batch_norm_backward.h>
#include <ATen/ops/native_layer_norm.h>
#include <ATen/ops/native_layer_norm_backward.h>
#include <ATen/ops/sum.h>
#include <ATen/ops/zeros_like.h>

#include "protocol/base/check.hpp"
#include "training/models/layers.hpp"

namespace dynavg::training {

namespace {

class BatchNorm final : public Layer {
public:
    BatchNorm(const BatchNormLayer& spec, NormParameters parameters, RunningStatistics running)
        : m_epsilon(static_cast<double>(spec.epsilon)),
          m_momentum(spec.momentum),
          m_parameters(std::move(parameters)),
          m_running(std::move(running)),
          m_batch{at::zeros_like(m_running.mean), at::zeros_like(m_running.variance)} {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        if (pass.kind == PassKind::evaluation) {
            return std::get<0>(at::native_batch_norm(input, m_parameters.gamma.value,
                                                     m_parameters.beta.value, m_running.mean,
                                                     m_running.variance, false, 0, m_epsilon));
        }
        // With a momentum of 1 "running" statistics are the batch's. Zero first: 0 * NaN is NaN.
        m_batch.mean.zero_();
        m_batch.variance.zero_();
        auto [output, mean, inverse_deviation] =
            at::native_batch_norm(input, m_parameters.gamma.value, m_parameters.beta.value,
                                  m_batch.mean, m_batch.variance, true, 1, m_epsilon);
        // Bessel's correction divides by zero where a channel has one value only.
        if (input.numel() == input.size(1)) m_batch.variance.zero_();
        m_mean = std::move(mean);
        m_inverse_deviation = std::move(inverse_deviation);
        m_input = std::move(input);
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        auto [by_input, by_gamma, by_beta] = at::native_batch_norm_backward(
            gradient, m_input, m_parameters.gamma.value, {}, {}, m_mean, m_inverse_deviation, true,
            m_epsilon, {true, true, true});
        m_parameters.gamma.gradient.copy_(by_gamma);
        m_parameters.beta.gradient.copy_(by_beta);
        m_input.reset();
        return by_input;
    }

    void update_buffers() override {
        move(m_running.mean, m_batch.mean);
        move(m_running.variance, m_batch.variance);
    }

private:
    void move(const at::Tensor& running, const at::Tensor& batch) const {
        float* to = running.data_ptr<float>();
        const float* by = batch.data_ptr<float>();
        const auto size = static_cast<std::size_t>(running.numel());
        for (std::size_t i = 0; i < size; ++i) {
            to[i] = m_momentum * to[i] + (1 - m_momentum) * by[i];
        }
    }

    double m_epsilon;
    float m_momentum;
    NormParameters m_parameters;
    RunningStatistics m_running;
    RunningStatistics m_batch;  ///< Of the last pass in training.
    at::Tensor m_input;
    at::Tensor m_mean;
    at::Tensor m_inverse_deviation;
};

class LayerNorm final : public Layer {
public:
    LayerNorm(const LayerNormLayer& spec, NormParameters parameters)
        : m_epsilon(static_cast<double>(spec.epsilon)), m_parameters(std::move(parameters)) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        DYNAVG_CHECK(input.dim() == 4);
        at::Tensor channels_last = input.permute({0, 2, 3, 1}).contiguous();
        auto [output, mean, inverse_deviation] =
            at::native_layer_norm(channels_last, channels(), m_parameters.gamma.value,
                                  m_parameters.beta.value, m_epsilon);
        if (pass.kind == PassKind::training) {
            m_input = std::move(channels_last);
            m_mean = std::move(mean);
            m_inverse_deviation = std::move(inverse_deviation);
        }
        return output.permute({0, 3, 1, 2}).contiguous();
    }

    at::Tensor backward(at::Tensor gradient) override {
        auto [by_input, by_gamma, by_beta] = at::native_layer_norm_backward(
            gradient.permute({0, 2, 3, 1}).contiguous(), m_input, channels(), m_mean,
            m_inverse_deviation, m_parameters.gamma.value, m_parameters.beta.value,
            {true, true, true});
        m_parameters.gamma.gradient.copy_(by_gamma);
        m_parameters.beta.gradient.copy_(by_beta);
        m_input.reset();
        return by_input.permute({0, 3, 1, 2}).contiguous();
    }

private:
    [[nodiscard]] at::IntArrayRef channels() const { return m_parameters.gamma.value.sizes(); }

    double m_epsilon;
    NormParameters m_parameters;
    at::Tensor m_input;
    at::Tensor m_mean;
    at::Tensor m_inverse_deviation;
};

class Scale final : public Layer {
public:
    explicit Scale(Learned gamma)
        : m_gamma(std::move(gamma)), m_broadcast(m_gamma.value.view({-1, 1, 1})) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        at::Tensor output = at::mul(input, m_broadcast);
        if (pass.kind == PassKind::training) m_input = std::move(input);
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        at::sum_out(m_gamma.gradient, at::mul(gradient, m_input), at::IntArrayRef(kAllButChannels));
        m_input.reset();
        return at::mul(gradient, m_broadcast);
    }

private:
    static constexpr std::array<std::int64_t, 3> kAllButChannels{0, 2, 3};
    Learned m_gamma;
    at::Tensor m_broadcast;
    at::Tensor m_input;
};

}  // namespace

std::unique_ptr<Layer> make_batch_norm(const BatchNormLayer& spec, NormParameters parameters,
                                       RunningStatistics running) {
    return std::make_unique<BatchNorm>(spec, std::move(parameters), std::move(running));
}

std::unique_ptr<Layer> make_layer_norm(const LayerNormLayer& spec, NormParameters parameters) {
    return std::make_unique<LayerNorm>(spec, std::move(parameters));
}

std::unique_ptr<Layer> make_scale(Learned gamma) {
    return std::make_unique<Scale>(std::move(gamma));
}

}  // namespace dynavg::training
