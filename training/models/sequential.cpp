#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include "protocol/check.hpp"
#include "training/models/layers.hpp"
#include "training/models/network.hpp"

namespace dynavg::training {

namespace {

/// Hands out each layer's views of the flat arrays, in order.
class ParameterViews {
public:
    ParameterViews(const ModelSpec& spec, at::Tensor flat, at::Tensor gradient)
        : m_infos(parameters_of(spec)), m_flat(std::move(flat)), m_gradient(std::move(gradient)) {}

    [[nodiscard]] LayerParameters next() {
        LayerParameters parameters;
        parameters.kernel = view(m_flat);
        parameters.kernel_gradient = view(m_gradient);
        advance();
        parameters.bias = view(m_flat);
        parameters.bias_gradient = view(m_gradient);
        advance();
        return parameters;
    }

private:
    [[nodiscard]] at::Tensor view(const at::Tensor& of) const {
        if (!of.defined()) return {};
        const ParameterInfo& info = m_infos.at(m_index);
        std::vector<std::int64_t> shape;
        for (const std::size_t extent : info.shape) {
            shape.push_back(static_cast<std::int64_t>(extent));
        }
        return of.narrow(0, m_offset, static_cast<std::int64_t>(info.size())).view(shape);
    }
    void advance() { m_offset += static_cast<std::int64_t>(m_infos.at(m_index++).size()); }

    std::vector<ParameterInfo> m_infos;
    at::Tensor m_flat;
    at::Tensor m_gradient;
    std::size_t m_index = 0;
    std::int64_t m_offset = 0;
};

struct LayerMaker {
    ParameterViews& views;
    InputGradient input_gradient;

    std::unique_ptr<Layer> operator()(const ConvolutionLayer& spec) const {
        return make_convolution(spec, views.next(), input_gradient);
    }
    std::unique_ptr<Layer> operator()(const DenseLayer&) const {
        return make_dense(views.next(), input_gradient);
    }
    std::unique_ptr<Layer> operator()(const ActivationLayer& spec) const {
        return make_activation(spec.function);
    }
    std::unique_ptr<Layer> operator()(const PoolingLayer& spec) const {
        return make_pooling(spec.function);
    }
    std::unique_ptr<Layer> operator()(const DropoutLayer& spec) const {
        return make_dropout(spec.rate);
    }
};

std::span<float> span_of(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// Layers one after another. No autograd: each layer knows its backward pass, which saves the
/// graph, and lets kernels of ours stand where LibTorch's are slow.
class SequentialNetwork final : public Network {
public:
    SequentialNetwork(const ModelSpec& spec, NetworkUse use) : m_input(spec.input) {
        const c10::InferenceMode inference;
        const auto size = static_cast<std::int64_t>(count_parameters(spec));
        m_flat = at::zeros({size}, at::kFloat);
        if (use == NetworkUse::training) m_gradient = at::zeros({size}, at::kFloat);
        ParameterViews views(spec, m_flat, m_gradient);
        for (const LayerSpec& layer : layers_of(spec)) {
            const auto needed = m_layers.empty() ? InputGradient::unneeded : InputGradient::needed;
            m_layers.push_back(std::visit(LayerMaker{views, needed}, layer));
        }
    }

    std::span<float> parameters() override { return span_of(m_flat); }
    std::span<const float> parameters() const override { return span_of(m_flat); }
    std::span<const float> gradient() const override {
        DYNAVG_CHECK(m_gradient.defined());
        return span_of(m_gradient);
    }

    double compute_gradient(const Batch& batch, const DropoutKey& key) override {
        DYNAVG_CHECK(m_gradient.defined());
        const c10::InferenceMode inference;
        at::init_num_threads();
        protocol::RandomStream dropout(key.seed, protocol::RandomPurpose::dropout, key.shard,
                                       key.step);
        const at::Tensor logits = forward(batch.images, {PassKind::training, &dropout});
        at::Tensor gradient = at::empty(logits.sizes(), logits.options());
        std::size_t hits = 0;
        const double loss = cross_entropy(span_of(logits), batch.labels, span_of(gradient), hits);
        for (auto layer = m_layers.rbegin(); layer != m_layers.rend(); ++layer) {
            gradient = (*layer)->backward(std::move(gradient));
        }
        return loss;
    }

    void logits(std::span<const float> images, std::span<float> out) override {
        const c10::InferenceMode inference;
        at::init_num_threads();
        const at::Tensor result = forward(images, {PassKind::evaluation, nullptr});
        DYNAVG_CHECK(span_of(result).size() == out.size());
        std::copy_n(result.data_ptr<float>(), out.size(), out.begin());
    }

private:
    /// The images are only read: the first layer has parameters, and works out of place.
    at::Tensor forward(std::span<const float> images, const Pass& pass) {
        const auto count = static_cast<std::int64_t>(images.size() / m_input.pixels());
        DYNAVG_CHECK(images.size() == static_cast<std::size_t>(count) * m_input.pixels());
        at::Tensor values = at::from_blob(
            const_cast<float*>(images.data()),
            {count, static_cast<std::int64_t>(m_input.channels),
             static_cast<std::int64_t>(m_input.height), static_cast<std::int64_t>(m_input.width)},
            at::kFloat);
        for (const std::unique_ptr<Layer>& layer : m_layers) {
            values = layer->forward(std::move(values), pass);
        }
        return values;
    }

    ImageShape m_input;
    at::Tensor m_flat;
    at::Tensor m_gradient;
    std::vector<std::unique_ptr<Layer>> m_layers;
};

}  // namespace

std::unique_ptr<Network> make_network(const ModelSpec& spec, NetworkUse use) {
    return std::make_unique<SequentialNetwork>(spec, use);
}

}  // namespace dynavg::training
