#include <ATen/ops/add.h>
#include <ATen/ops/cat.h>

#include "training/models/layers.hpp"

namespace dynavg::training {

namespace {

class Branch final : public Layer {
public:
    Branch(Merge merge, std::vector<std::unique_ptr<Layer>> layers)
        : m_merge(merge), m_layers(std::move(layers)) {}

    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        at::Tensor values = input;
        for (const auto& layer : m_layers) values = layer->forward(std::move(values), pass);
        m_input_channels = input.size(1);
        return m_merge == Merge::add ? at::add(input, values) : at::cat({input, values}, 1);
    }

    at::Tensor backward(at::Tensor gradient) override {
        // The layers may write over what they get, and the way past them needs it too.
        at::Tensor through =
            m_merge == Merge::add
                ? gradient.clone()
                : gradient.narrow(1, m_input_channels, branch_channels(gradient)).contiguous();
        for (auto layer = m_layers.rbegin(); layer != m_layers.rend(); ++layer) {
            through = (*layer)->backward(std::move(through));
        }
        if (m_merge == Merge::concatenate) gradient = gradient.narrow(1, 0, m_input_channels);
        return at::add(through, gradient);
    }

    void update_buffers() override {
        for (const auto& layer : m_layers) layer->update_buffers();
    }

private:
    [[nodiscard]] std::int64_t branch_channels(const at::Tensor& gradient) const {
        return gradient.size(1) - m_input_channels;
    }

    Merge m_merge;
    std::vector<std::unique_ptr<Layer>> m_layers;
    std::int64_t m_input_channels = 0;
};

}  // namespace

std::unique_ptr<Layer> make_branch(Merge merge, std::vector<std::unique_ptr<Layer>> layers) {
    return std::make_unique<Branch>(merge, std::move(layers));
}

}  // namespace dynavg::training
