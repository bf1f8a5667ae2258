#include "training/model_spec.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "protocol/check.hpp"
#include "protocol/digest.hpp"
#include "protocol/limits.hpp"
#include "protocol/random.hpp"

namespace dynavg::training {

namespace {

constexpr std::size_t kHiddenLayersMax = 32;
constexpr std::size_t kHiddenUnitsMax = 65536;
constexpr std::size_t kSideMax = 4096;

std::vector<LayerSpec> lenet5() {
    return {ConvolutionLayer{6, 5, Padding::same},
            ActivationLayer{Activation::tanh},
            PoolingLayer{Pooling::average},
            ConvolutionLayer{16, 5, Padding::valid},
            ActivationLayer{Activation::tanh},
            PoolingLayer{Pooling::average},
            DenseLayer{120},
            ActivationLayer{Activation::tanh},
            DenseLayer{84},
            ActivationLayer{Activation::tanh},
            DenseLayer{kModelClasses}};
}

std::vector<LayerSpec> vgg16star() {
    std::vector<LayerSpec> layers;
    for (const std::size_t filters : {64U, 128U, 256U}) {
        for (int repeat = 0; repeat < 2; ++repeat) {
            layers.emplace_back(ConvolutionLayer{filters, 3, Padding::same});
            layers.emplace_back(ActivationLayer{Activation::relu});
        }
        layers.emplace_back(PoolingLayer{Pooling::maximum});
    }
    for (int repeat = 0; repeat < 2; ++repeat) {
        layers.emplace_back(DenseLayer{512});
        layers.emplace_back(ActivationLayer{Activation::relu});
        layers.emplace_back(DropoutLayer{0.5F});
    }
    layers.emplace_back(DenseLayer{kModelClasses});
    return layers;
}

std::vector<LayerSpec> mlp(const std::vector<std::size_t>& hidden) {
    std::vector<LayerSpec> layers;
    for (const std::size_t units : hidden) {
        layers.emplace_back(DenseLayer{units});
        layers.emplace_back(ActivationLayer{Activation::relu});
    }
    layers.emplace_back(DenseLayer{kModelClasses});
    return layers;
}

/// Walks the layers and collects what each one learns.
class ParameterCollector {
public:
    explicit ParameterCollector(ImageShape input) : m_image(input) {}

    /// False if nothing is left of the image behind some layer.
    [[nodiscard]] bool has_room() const { return m_has_room; }

    void operator()(const ConvolutionLayer& layer) {
        const std::size_t window = layer.kernel * layer.kernel;
        add(fmt::format("conv{}", ++m_convolutions),
            {layer.filters, m_image.channels, layer.kernel, layer.kernel},
            m_image.channels * window, layer.filters * window);
        m_image.channels = layer.filters;
        if (layer.padding == Padding::valid) {
            shrink_to(m_image.height + 1 - std::min(layer.kernel, m_image.height + 1),
                      m_image.width + 1 - std::min(layer.kernel, m_image.width + 1));
        }
    }
    void operator()(const DenseLayer& layer) {
        const std::size_t inputs = m_image.pixels();
        add(fmt::format("dense{}", ++m_denses), {layer.units, inputs}, inputs, layer.units);
        m_image = {layer.units, 1, 1};
    }
    void operator()(const PoolingLayer&) { shrink_to(m_image.height / 2, m_image.width / 2); }
    void operator()(const ActivationLayer&) {}
    void operator()(const DropoutLayer&) {}

    std::vector<ParameterInfo> parameters{};

private:
    void add(const std::string& name, std::vector<std::size_t> shape, std::size_t fan_in,
             std::size_t fan_out) {
        const std::size_t outputs = shape.front();
        parameters.push_back({name + ".kernel", std::move(shape), fan_in, fan_out});
        parameters.push_back({name + ".bias", {outputs}, 0, 0});
    }

    void shrink_to(std::size_t height, std::size_t width) {
        m_image.height = height;
        m_image.width = width;
        m_has_room = m_has_room && m_image.pixels() > 0;
    }

    ImageShape m_image;
    bool m_has_room = true;
    int m_convolutions = 0;
    int m_denses = 0;
};

ParameterCollector collect(const ModelSpec& spec) {
    ParameterCollector collector(spec.input);
    for (const LayerSpec& layer : layers_of(spec)) std::visit(collector, layer);
    return collector;
}

}  // namespace

Expected<void, Error> validate(const ModelSpec& spec) {
    const ImageShape& input = spec.input;
    if (input.pixels() == 0 || std::max({input.channels, input.height, input.width}) > kSideMax) {
        return fail(fmt::format("images of {} x {} with {} channels are no input for a model",
                                input.height, input.width, input.channels));
    }
    if (spec.builtin == "mlp") {
        if (spec.hidden.size() > kHiddenLayersMax) {
            return fail(fmt::format("model \"mlp\" has {} hidden layers; at most {} are possible",
                                    spec.hidden.size(), kHiddenLayersMax));
        }
        for (const std::size_t units : spec.hidden) {
            if (units == 0 || units > kHiddenUnitsMax) {
                return fail(
                    fmt::format("a hidden layer of model \"mlp\" has {} units; it must "
                                "have 1 to {}",
                                units, kHiddenUnitsMax));
            }
        }
        const std::size_t total = count_parameters(spec);
        if (total > protocol::limits::kModelValuesMax) {
            return fail(
                fmt::format("model \"mlp\" would have {} parameters; at most {} are "
                            "possible, choose smaller hidden layers",
                            total, protocol::limits::kModelValuesMax));
        }
        return {};
    }
    if (spec.builtin != "lenet5" && spec.builtin != "vgg16star" && spec.builtin != "logistic") {
        return fail(
            fmt::format("model \"{}\" is not known; allowed are lenet5, vgg16star, mlp, "
                        "logistic",
                        spec.builtin));
    }
    if (!spec.hidden.empty()) {
        return fail(fmt::format("model \"{}\" takes no hidden layers; they belong to \"mlp\"",
                                spec.builtin));
    }
    if (!collect(spec).has_room()) {
        return fail(
            fmt::format("model \"{}\" has no room on images of {} x {}; choose a smaller "
                        "model or larger images",
                        spec.builtin, input.height, input.width));
    }
    return {};
}

std::vector<LayerSpec> layers_of(const ModelSpec& spec) {
    if (spec.builtin == "lenet5") return lenet5();
    if (spec.builtin == "vgg16star") return vgg16star();
    DYNAVG_CHECK(spec.builtin == "mlp" || spec.builtin == "logistic");
    return mlp(spec.hidden);
}

std::size_t ParameterInfo::size() const {
    std::size_t product = 1;
    for (const std::size_t extent : shape) product *= extent;
    return product;
}

std::vector<ParameterInfo> parameters_of(const ModelSpec& spec) {
    return std::move(collect(spec).parameters);
}

std::size_t count_parameters(const ModelSpec& spec) {
    std::size_t count = 0;
    for (const ParameterInfo& info : parameters_of(spec)) count += info.size();
    return count;
}

std::vector<float> initial_values(const ModelSpec& spec) {
    std::vector<float> values;
    values.reserve(count_parameters(spec));
    std::uint32_t index = 0;
    for (const ParameterInfo& info : parameters_of(spec)) {
        protocol::RandomStream stream(spec.seed, protocol::RandomPurpose::initial_weights, index++);
        if (info.fan_in == 0) {
            values.insert(values.end(), info.size(), 0.0F);
            continue;
        }
        const double limit = std::sqrt(6.0 / static_cast<double>(info.fan_in + info.fan_out));
        for (std::size_t i = 0; i < info.size(); ++i) {
            values.push_back(static_cast<float>((2 * stream.uniform() - 1) * limit));
        }
    }
    return values;
}

protocol::ReferenceShape shape_of(const ModelSpec& spec, protocol::MonitorKind monitor) {
    protocol::ReferenceShape shape;
    shape.parameters = count_parameters(spec);
    shape.has_direction = monitor == protocol::MonitorKind::linear;
    return shape;
}

protocol::Digest schema_digest(const ModelSpec& spec) {
    protocol::Digester digester;
    digester.add(std::string_view("dynavg model 1"));
    const std::vector<ParameterInfo> parameters = parameters_of(spec);
    digester.add_u64(parameters.size());
    for (const ParameterInfo& info : parameters) {
        digester.add(std::string_view(info.name)).add(std::string_view("float32"));
        digester.add_u64(info.shape.size());
        for (const std::size_t extent : info.shape) digester.add_u64(extent);
    }
    return digester.finish();
}

}  // namespace dynavg::training
