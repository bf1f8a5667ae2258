#include "training/data/changing_dataset.hpp"

#include <numeric>
#include <utility>
#include <vector>

#include "protocol/base/random.hpp"

namespace dynavg::training {

namespace {

/// Any would do, but it must be the same for all.
constexpr std::uint64_t kSeed = 1;
constexpr std::uint32_t kPixels = 0xd41f7;

/// Fisher and Yates.
std::vector<std::size_t> permutation(std::size_t size) {
    protocol::RandomStream stream(kSeed, protocol::RandomPurpose::synthetic_data, kPixels);
    std::vector<std::size_t> order(size);
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (std::size_t left = size; left > 1; --left) {
        std::swap(order[left - 1], order[stream.below(left)]);
    }
    return order;
}

}  // namespace

std::shared_ptr<const Dataset> changed_data(const Dataset& before, DataChange change) {
    Dataset after = before;
    if (change == DataChange::labels) {
        for (std::uint8_t& label : after.labels) {
            label = static_cast<std::uint8_t>((label + 1U) % before.classes);
        }
        return std::make_shared<const Dataset>(std::move(after));
    }
    const std::size_t pixels = before.shape.pixels();
    const std::vector<std::size_t> from = permutation(pixels);
    for (std::size_t sample = 0; sample < before.size(); ++sample) {
        const auto image = before.image(sample);
        for (std::size_t pixel = 0; pixel < pixels; ++pixel) {
            after.images[sample * pixels + pixel] = image[from[pixel]];
        }
    }
    return std::make_shared<const Dataset>(std::move(after));
}

}  // namespace dynavg::training
