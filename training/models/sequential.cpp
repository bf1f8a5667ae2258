#include <algorithm>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/zeros.h>
#include <c10/core/InferenceMode.h>

#include "protocol/base/check.hpp"
#include "training/models/layers.hpp"
#include "training/models/network.hpp"

namespace dynavg::training {

namespace {

/// Hands out views of the flat arrays, in order.
class TensorViews {
public:
    TensorViews(ModelLayout layout, at::Tensor values, at::Tensor gradient)
        : m_layout(std::move(layout)),
          m_values(std::move(values)),
          m_gradient(std::move(gradient)),
          m_buffer_offset(m_layout.parameter_count()) {}

    [[nodiscard]] Learned next_parameter() {
        const ParameterInfo& info = m_layout.parameters.at(m_parameter++);
        Learned learned{view(m_values, info, m_offset), {}};
        if (m_gradient.defined()) learned.gradient = view(m_gradient, info, m_offset);
        m_offset += info.size();
        return learned;
    }
    [[nodiscard]] at::Tensor next_buffer() {
        const ParameterInfo& info = m_layout.buffers.at(m_buffer++);
        at::Tensor buffer = view(m_values, info, m_buffer_offset);
        m_buffer_offset += info.size();
        return buffer;
    }

private:
    [[nodiscard]] static at::Tensor view(const at::Tensor& of, const ParameterInfo& info,
                                         std::size_t offset) {
        std::vector<std::int64_t> shape;
        for (const std::size_t extent : info.shape) {
            shape.push_back(static_cast<std::int64_t>(extent));
        }
        return of
            .narrow(0, static_cast<std::int64_t>(offset), static_cast<std::int64_t>(info.size()))
            .view(shape);
    }

    ModelLayout m_layout;
    at::Tensor m_values;
    at::Tensor m_gradient;
    std::size_t m_parameter = 0;
    std::size_t m_buffer = 0;
    std::size_t m_offset = 0;
    std::size_t m_buffer_offset;
};

/// Asks for views in the order in which the layout has them.
struct LayerMaker {
    TensorViews& views;
    InputGradient input_gradient;

    std::unique_ptr<Layer> operator()(const ConvolutionLayer& spec) const {
        LayerParameters parameters{views.next_parameter(), {}};
        if (spec.bias == Bias::learned) parameters.bias = views.next_parameter();
        return make_convolution(spec, std::move(parameters), input_gradient);
    }
    std::unique_ptr<Layer> operator()(const DenseLayer&) const {
        return make_dense({views.next_parameter(), views.next_parameter()}, input_gradient);
    }
    std::unique_ptr<Layer> operator()(const ActivationLayer& spec) const {
        return make_activation(spec.function);
    }
    std::unique_ptr<Layer> operator()(const PoolingLayer& spec) const {
        return make_pooling(spec.function);
    }
    std::unique_ptr<Layer> operator()(const StemPoolingLayer&) const { return make_stem_pooling(); }
    std::unique_ptr<Layer> operator()(const GlobalPoolingLayer&) const {
        return make_global_pooling();
    }
    std::unique_ptr<Layer> operator()(const DropoutLayer& spec) const {
        return make_dropout(spec.rate);
    }
    std::unique_ptr<Layer> operator()(const DropPathLayer& spec) const {
        return make_drop_path(spec.rate);
    }
    std::unique_ptr<Layer> operator()(const BatchNormLayer& spec) const {
        return make_batch_norm(spec, {views.next_parameter(), views.next_parameter()},
                               {views.next_buffer(), views.next_buffer()});
    }
    std::unique_ptr<Layer> operator()(const LayerNormLayer& spec) const {
        return make_layer_norm(spec, {views.next_parameter(), views.next_parameter()});
    }
    std::unique_ptr<Layer> operator()(const ScaleLayer&) const {
        return make_scale(views.next_parameter());
    }
    std::unique_ptr<Layer> operator()(const BranchLayer& spec) const {
        std::vector<std::unique_ptr<Layer>> layers;
        for (const LayerSpec& layer : spec.layers) {
            layers.push_back(std::visit(LayerMaker{views, InputGradient::needed}, layer));
        }
        return make_branch(spec.merge, std::move(layers));
    }
};

std::span<float> span_of(const at::Tensor& tensor) {
    return {tensor.data_ptr<float>(), static_cast<std::size_t>(tensor.numel())};
}

/// A tensor of the flat vector whose squares are in the loss.
struct Penalty {
    std::size_t first;
    std::size_t count;
    float l2;
};

std::vector<Penalty> penalties_of(const ModelLayout& layout) {
    std::vector<Penalty> penalties;
    std::size_t first = 0;
    for (const ParameterInfo& info : layout.parameters) {
        if (info.l2 > 0) penalties.push_back({first, info.size(), info.l2});
        first += info.size();
    }
    return penalties;
}

/// The first of the dense layers at the end.
std::size_t head_layer(std::span<const LayerSpec> layers) {
    std::size_t head = layers.size();
    for (std::size_t i = layers.size(); i > 0; --i) {
        const LayerSpec& layer = layers[i - 1];
        if (std::holds_alternative<DenseLayer>(layer)) {
            head = i - 1;
        } else if (!std::holds_alternative<ActivationLayer>(layer) &&
                   !std::holds_alternative<DropoutLayer>(layer)) {
            break;
        }
    }
    return head;
}

/// Layers one after another. No autograd: each layer knows its backward pass, which saves the
/// graph, and lets kernels of ours stand where LibTorch's are slow.
class SequentialNetwork final : public Network {
public:
    SequentialNetwork(std::span<const LayerSpec> layers, const ImageShape& input, NetworkUse use)
        : m_input(input) {
        const c10::InferenceMode inference;
        ModelLayout layout = layout_of(layers, input);
        DYNAVG_CHECK(layout.has_room);
        m_penalties = penalties_of(layout);
        m_head = layout.head();
        m_head_layer = head_layer(layers);
        m_parameter_count = layout.parameter_count();
        m_values = at::zeros({static_cast<std::int64_t>(layout.value_count())}, at::kFloat);
        if (use == NetworkUse::training) {
            m_gradient = at::zeros({static_cast<std::int64_t>(m_parameter_count)}, at::kFloat);
        }
        TensorViews views(std::move(layout), m_values, m_gradient);
        for (const LayerSpec& layer : layers) {
            const auto needed = m_layers.empty() ? InputGradient::unneeded : InputGradient::needed;
            m_layers.push_back(std::visit(LayerMaker{views, needed}, layer));
        }
    }

    std::span<float> values() override { return span_of(m_values); }
    std::span<const float> values() const override { return span_of(m_values); }
    std::span<float> parameters() override { return values().first(m_parameter_count); }
    std::span<const float> parameters() const override { return values().first(m_parameter_count); }
    std::span<const float> gradient() const override {
        DYNAVG_CHECK(m_gradient.defined());
        return span_of(m_gradient);
    }

    double compute_gradient(const Batch& batch, const DropoutKey& key,
                            GradientScope scope) override {
        DYNAVG_CHECK(m_gradient.defined());
        const c10::InferenceMode inference;
        at::init_num_threads();
        protocol::RandomStream dropout(key.seed, protocol::RandomPurpose::dropout, key.shard,
                                       key.step);
        const at::Tensor logits = forward(batch.images, {PassKind::training, &dropout});
        at::Tensor gradient = at::empty(logits.sizes(), logits.options());
        std::size_t hits = 0;
        const double loss = cross_entropy(span_of(logits), batch.labels, span_of(gradient), hits);
        const std::size_t first_layer = scope == GradientScope::head ? m_head_layer : 0;
        for (std::size_t layer = m_layers.size(); layer > first_layer; --layer) {
            gradient = m_layers[layer - 1]->backward(std::move(gradient));
        }
        add_penalties(scope == GradientScope::head ? m_head : 0);
        return loss;
    }

    void update_buffers() override {
        for (const std::unique_ptr<Layer>& layer : m_layers) layer->update_buffers();
    }

    void logits(std::span<const float> images, std::span<float> out) override {
        const c10::InferenceMode inference;
        at::init_num_threads();
        const at::Tensor result = forward(images, {PassKind::evaluation, nullptr});
        DYNAVG_CHECK(span_of(result).size() == out.size());
        std::copy_n(result.data_ptr<float>(), out.size(), out.begin());
    }

private:
    /// Those of the parameters from `first` on.
    void add_penalties(std::size_t first) {
        const std::span<const float> all = parameters();
        const std::span<float> by_all = span_of(m_gradient);
        for (const Penalty& penalty : m_penalties) {
            if (penalty.first < first) continue;
            const auto w = all.subspan(penalty.first, penalty.count);
            const auto gradient = by_all.subspan(penalty.first, penalty.count);
            for (std::size_t i = 0; i < w.size(); ++i) gradient[i] += 2 * penalty.l2 * w[i];
        }
    }

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
    std::size_t m_parameter_count = 0;
    std::size_t m_head = 0;        ///< Its first parameter,
    std::size_t m_head_layer = 0;  ///< and its first layer.
    std::vector<Penalty> m_penalties;
    at::Tensor m_values;
    at::Tensor m_gradient;
    std::vector<std::unique_ptr<Layer>> m_layers;
};

}  // namespace

std::unique_ptr<Network> make_network(const ModelSpec& spec, NetworkUse use) {
    return make_network(layers_of(spec), spec.input, use);
}

std::unique_ptr<Network> make_network(std::span<const LayerSpec> layers, const ImageShape& input,
                                      NetworkUse use) {
    return std::make_unique<SequentialNetwork>(layers, input, use);
}

}  // namespace dynavg::training
