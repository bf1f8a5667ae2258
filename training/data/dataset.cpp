#include "training/data/dataset.hpp"

#include <array>

#include "protocol/base/check.hpp"

namespace dynavg::training {

void to_floats(std::span<const std::uint8_t> image, std::span<float> out) {
    DYNAVG_CHECK(image.size() == out.size());
    static const std::array<float, 256> kLevels = [] {
        std::array<float, 256> levels{};
        for (std::size_t i = 0; i < levels.size(); ++i) levels[i] = static_cast<float>(i) / 255.0F;
        return levels;
    }();
    for (std::size_t i = 0; i < image.size(); ++i) out[i] = kLevels[image[i]];
}

}  // namespace dynavg::training
