#include <array>

#include <ATen/ops/empty.h>
#include <ATen/ops/max_pool2d_with_indices.h>
#include <ATen/ops/max_pool2d_with_indices_backward.h>
#include <ATen/ops/mean.h>

#include "protocol/base/check.hpp"
#include "training/models/layers.hpp"

namespace dynavg::training {

namespace {

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

class StemPooling final : public Layer {
public:
    at::Tensor forward(at::Tensor input, const Pass& pass) override {
        auto [output, winners] =
            at::max_pool2d_with_indices(input, kWindow, kStride, kPadding, kDilation);
        if (pass.kind == PassKind::training) {
            m_winners = std::move(winners);
            m_input = std::move(input);
        }
        return output;
    }

    at::Tensor backward(at::Tensor gradient) override {
        at::Tensor by_input = at::max_pool2d_with_indices_backward(
            gradient, m_input, kWindow, kStride, kPadding, kDilation, false, m_winners);
        m_input.reset();
        m_winners.reset();
        return by_input;
    }

private:
    static constexpr std::array<std::int64_t, 2> kWindow{3, 3};
    static constexpr std::array<std::int64_t, 2> kStride{2, 2};
    static constexpr std::array<std::int64_t, 2> kPadding{1, 1};
    static constexpr std::array<std::int64_t, 2> kDilation{1, 1};
    at::Tensor m_input;
    at::Tensor m_winners;
};

class GlobalPooling final : public Layer {
public:
    at::Tensor forward(at::Tensor input, const Pass&) override {
        m_shape = input.sizes().vec();
        return at::mean(input, at::IntArrayRef(kPixels), true);
    }

    at::Tensor backward(at::Tensor gradient) override {
        const auto area = static_cast<double>(m_shape[2] * m_shape[3]);
        return gradient.view({m_shape[0], m_shape[1], 1, 1}).div(area).expand(m_shape).contiguous();
    }

private:
    static constexpr std::array<std::int64_t, 2> kPixels{2, 3};
    std::vector<std::int64_t> m_shape;
};

}  // namespace

std::unique_ptr<Layer> make_pooling(Pooling function) {
    if (function == Pooling::average) return std::make_unique<AveragePooling>();
    return std::make_unique<MaximumPooling>();
}

std::unique_ptr<Layer> make_stem_pooling() {
    return std::make_unique<StemPooling>();
}

std::unique_ptr<Layer> make_global_pooling() {
    return std::make_unique<GlobalPooling>();
}

}  // namespace dynavg::training
