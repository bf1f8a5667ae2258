#include "training/models/layout.hpp"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "protocol/base/random.hpp"

namespace dynavg::training {

namespace {

/// Side of an image behind a window that moves in strides; 0 if it does not fit.
std::size_t windows(std::size_t side, std::size_t padding, std::size_t kernel, std::size_t stride) {
    const std::size_t padded = side + 2 * padding;
    return side == 0 || padded < kernel ? 0 : (padded - kernel) / stride + 1;
}

/// Collects what each layer learns and keeps. Names count per kind, through branches too.
class LayoutWalker {
public:
    explicit LayoutWalker(ImageShape input) : m_image(input) {}

    void operator()(const ConvolutionLayer& layer) {
        const bool depthwise = layer.grouping == Grouping::depthwise;
        DYNAVG_CHECK(!depthwise || layer.filters == m_image.channels);
        const std::size_t inputs = depthwise ? 1 : m_image.channels;
        const std::size_t window = layer.kernel * layer.kernel;
        add_kernel(fmt::format("conv{}", ++m_convolutions),
                   {layer.filters, inputs, layer.kernel, layer.kernel}, inputs * window,
                   (depthwise ? 1 : layer.filters) * window, layer.options, layer.bias);
        m_image.channels = layer.filters;
        slide(layer.padding == Padding::same ? layer.kernel / 2 : 0, layer.kernel, layer.stride);
    }
    void operator()(const DenseLayer& layer) {
        const std::size_t inputs = m_image.pixels();
        add_kernel(fmt::format("dense{}", ++m_denses), {layer.units, inputs}, inputs, layer.units,
                   layer.options, Bias::learned);
        m_image = {layer.units, 1, 1};
    }
    void operator()(const PoolingLayer&) { slide(0, 2, 2); }
    void operator()(const StemPoolingLayer&) { slide(1, 3, 2); }
    void operator()(const GlobalPoolingLayer&) { m_image = {m_image.channels, 1, 1}; }
    void operator()(const ActivationLayer&) {}
    void operator()(const DropoutLayer&) {}
    void operator()(const DropPathLayer&) {}
    void operator()(const BatchNormLayer&) {
        const std::string name = add_norm();
        layout.buffers.push_back(per_channel(name + ".running_mean", 0));
        layout.buffers.push_back(per_channel(name + ".running_variance", 1));
    }
    void operator()(const LayerNormLayer&) { add_norm(); }
    void operator()(const ScaleLayer& layer) {
        layout.parameters.push_back(
            per_channel(fmt::format("scale{}.gamma", ++m_scales), layer.initial));
    }
    void operator()(const BranchLayer& branch) {
        const ImageShape before = m_image;
        for (const LayerSpec& layer : branch.layers) std::visit(*this, layer);
        DYNAVG_CHECK(m_image.height == before.height && m_image.width == before.width);
        if (branch.merge == Merge::concatenate) {
            m_image.channels += before.channels;
        } else {
            DYNAVG_CHECK(m_image == before);
        }
    }

    ModelLayout layout{};

private:
    void add_kernel(const std::string& name, std::vector<std::size_t> shape, std::size_t fan_in,
                    std::size_t fan_out, const KernelOptions& options, Bias bias) {
        const std::size_t outputs = shape.front();
        layout.parameters.push_back({name + ".kernel", std::move(shape), fan_in, fan_out,
                                     options.initializer, 0, options.l2});
        if (bias == Bias::learned) layout.parameters.push_back({name + ".bias", {outputs}});
    }
    [[nodiscard]] ParameterInfo per_channel(std::string name, float constant) const {
        ParameterInfo info{std::move(name), {m_image.channels}};
        info.constant = constant;
        return info;
    }
    std::string add_norm() {
        std::string name = fmt::format("norm{}", ++m_norms);
        layout.parameters.push_back(per_channel(name + ".gamma", 1));
        layout.parameters.push_back(per_channel(name + ".beta", 0));
        return name;
    }
    void slide(std::size_t padding, std::size_t kernel, std::size_t stride) {
        m_image.height = windows(m_image.height, padding, kernel, stride);
        m_image.width = windows(m_image.width, padding, kernel, stride);
        layout.has_room = layout.has_room && m_image.pixels() > 0;
    }

    ImageShape m_image;
    int m_convolutions = 0;
    int m_denses = 0;
    int m_norms = 0;
    int m_scales = 0;
};

/// e^-y for y in [0, 2], relative error below 1e-12: Taylor's polynomial at y / 64, squared up.
double exponential_of_minus(double y) {
    const double t = -y / 64;
    double power = 1 + t * (1 + t / 2 * (1 + t / 3 * (1 + t / 4 * (1 + t / 5 * (1 + t / 6)))));
    for (int doubling = 0; doubling < 6; ++doubling) power *= power;
    return power;
}

/// Standard normal, cut at +-2, by rejection: three of five uniform points lie under the bell.
double truncated_normal(protocol::RandomStream& stream) {
    while (true) {
        const double x = 4 * static_cast<double>(stream.uniform_float()) - 2;
        if (stream.uniform() < exponential_of_minus(x * x / 2)) return x;
    }
}

void append_initial(const ParameterInfo& info, protocol::RandomStream stream,
                    std::vector<float>& values) {
    /// Standard deviation of the standard normal that is cut at +-2.
    constexpr double kTruncatedDeviation = 0.87962566103423978;
    const auto append = [&](auto draw) {
        for (std::size_t i = 0; i < info.size(); ++i) values.push_back(static_cast<float>(draw()));
    };
    switch (info.initializer) {
        case Initializer::constant:
            values.insert(values.end(), info.size(), info.constant);
            break;
        case Initializer::glorot_uniform: {
            const double limit = std::sqrt(6.0 / static_cast<double>(info.fan_in + info.fan_out));
            append([&] { return (2 * stream.uniform() - 1) * limit; });
            break;
        }
        case Initializer::he_normal: {
            const double scale =
                std::sqrt(2.0 / static_cast<double>(info.fan_in)) / kTruncatedDeviation;
            append([&] { return truncated_normal(stream) * scale; });
            break;
        }
        case Initializer::truncated_normal:
            append([&] { return truncated_normal(stream) * 0.02; });
            break;
    }
}

}  // namespace

std::size_t ParameterInfo::size() const {
    std::size_t product = 1;
    for (const std::size_t extent : shape) product *= extent;
    return product;
}

std::size_t total_size(std::span<const ParameterInfo> infos) {
    std::size_t count = 0;
    for (const ParameterInfo& info : infos) count += info.size();
    return count;
}

std::size_t ModelLayout::head() const {
    std::size_t first = parameter_count();
    for (std::size_t i = parameters.size(); i > 0 && parameters[i - 1].name.starts_with("dense");
         --i) {
        first -= parameters[i - 1].size();
    }
    return first;
}

ModelLayout layout_of(std::span<const LayerSpec> layers, const ImageShape& input) {
    LayoutWalker walker(input);
    for (const LayerSpec& layer : layers) std::visit(walker, layer);
    return std::move(walker.layout);
}

std::vector<float> initial_values(const ModelLayout& layout, std::uint64_t seed) {
    std::vector<float> values;
    values.reserve(layout.value_count());
    std::uint32_t index = 0;
    for (const ParameterInfo& info : layout.parameters) {
        append_initial(info, {seed, protocol::RandomPurpose::initial_weights, index++}, values);
    }
    for (const ParameterInfo& info : layout.buffers) {
        values.insert(values.end(), info.size(), info.constant);
    }
    return values;
}

}  // namespace dynavg::training
