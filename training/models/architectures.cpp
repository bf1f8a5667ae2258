#include "training/models/architectures.hpp"

#include <numeric>

#include "training/models/model_spec.hpp"

namespace dynavg::training {

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

namespace {

/// Appends the parts of DenseNets, and knows how many channels there are.
class DenseNetBuilder {
public:
    explicit DenseNetBuilder(const DenseNetOptions& options) : m_options(options) {}

    void stem() {
        m_channels = 2 * m_options.growth;
        layers.emplace_back(convolution(m_channels, 7, 2));
        norm_and_relu(layers);
        layers.emplace_back(StemPoolingLayer{});
    }
    void dense_block(std::size_t pairs) {
        for (std::size_t pair = 0; pair < pairs; ++pair) {
            BranchLayer branch{Merge::concatenate, {}};
            norm_and_relu(branch.layers);
            branch.layers.emplace_back(convolution(4 * m_options.growth, 1, 1));
            branch.layers.emplace_back(DropoutLayer{m_options.dropout});
            norm_and_relu(branch.layers);
            branch.layers.emplace_back(convolution(m_options.growth, 3, 1));
            branch.layers.emplace_back(DropoutLayer{m_options.dropout});
            layers.emplace_back(std::move(branch));
            m_channels += m_options.growth;
        }
    }
    void transition() {
        m_channels /= 2;
        norm_and_relu(layers);
        layers.emplace_back(convolution(m_channels, 1, 1));
        layers.emplace_back(PoolingLayer{Pooling::average});
    }
    void head() {
        norm_and_relu(layers);
        layers.emplace_back(GlobalPoolingLayer{});
        layers.emplace_back(DenseLayer{kModelClasses, kernel_options()});
    }

    std::vector<LayerSpec> layers{};

private:
    [[nodiscard]] KernelOptions kernel_options() const {
        return {Initializer::he_normal, m_options.l2};
    }
    [[nodiscard]] ConvolutionLayer convolution(std::size_t filters, std::size_t kernel,
                                               std::size_t stride) const {
        return {filters, kernel, Padding::same, stride, Bias::none, kernel_options()};
    }
    static void norm_and_relu(std::vector<LayerSpec>& to) {
        to.emplace_back(BatchNormLayer{1.001e-5F, 0.99F});
        to.emplace_back(ActivationLayer{Activation::relu});
    }

    DenseNetOptions m_options;
    std::size_t m_channels = 0;
};

}  // namespace

std::vector<LayerSpec> densenet(const DenseNetOptions& options) {
    DenseNetBuilder builder(options);
    builder.stem();
    for (std::size_t block = 0; block < options.blocks.size(); ++block) {
        if (block > 0) builder.transition();
        builder.dense_block(options.blocks[block]);
    }
    builder.head();
    return std::move(builder.layers);
}

namespace {

constexpr KernelOptions kConvNextKernel{Initializer::truncated_normal};
constexpr LayerNormLayer kConvNextNorm{1e-6F};

/// Kernels as wide as their stride: nothing overlaps.
ConvolutionLayer patches(std::size_t channels, std::size_t side) {
    return {channels, side, Padding::valid, side, Bias::learned, kConvNextKernel};
}

ConvolutionLayer pointwise(std::size_t channels) {
    return patches(channels, 1);
}

BranchLayer convnext_block(std::size_t channels, float drop_path) {
    BranchLayer block{Merge::add, {}};
    block.layers.emplace_back(ConvolutionLayer{channels, 7, Padding::same, 1, Bias::learned,
                                               kConvNextKernel, Grouping::depthwise});
    block.layers.emplace_back(kConvNextNorm);
    block.layers.emplace_back(pointwise(4 * channels));
    block.layers.emplace_back(ActivationLayer{Activation::gelu});
    block.layers.emplace_back(pointwise(channels));
    block.layers.emplace_back(ScaleLayer{1e-6F});
    if (drop_path > 0) block.layers.emplace_back(DropPathLayer{drop_path});
    return block;
}

}  // namespace

std::vector<LayerSpec> convnext(const ConvNextOptions& options) {
    std::vector<LayerSpec> layers;
    const std::size_t last_block =
        std::accumulate(options.blocks.begin(), options.blocks.end(), std::size_t{0}) - 1;
    std::size_t block = 0;
    for (std::size_t stage = 0; stage < options.blocks.size(); ++stage) {
        const std::size_t channels = options.channels[stage];
        if (stage > 0) layers.emplace_back(kConvNextNorm);
        layers.emplace_back(patches(channels, stage == 0 ? 4 : 2));
        if (stage == 0) layers.emplace_back(kConvNextNorm);
        for (std::size_t repeat = 0; repeat < options.blocks[stage]; ++repeat, ++block) {
            const float depth = static_cast<float>(block) / static_cast<float>(last_block);
            layers.emplace_back(convnext_block(channels, options.drop_path * depth));
        }
    }
    layers.emplace_back(GlobalPoolingLayer{});
    layers.emplace_back(kConvNextNorm);
    for (const std::size_t units : options.hidden) {
        layers.emplace_back(DenseLayer{units, kConvNextKernel});
        layers.emplace_back(ActivationLayer{Activation::relu});
    }
    layers.emplace_back(DenseLayer{options.classes, kConvNextKernel});
    return layers;
}

}  // namespace dynavg::training
