#include <algorithm>
#include <array>
#include <cmath>

#include "protocol/base/check.hpp"
#include "training/models/network.hpp"

namespace dynavg::training {

double cross_entropy(std::span<const float> logits, std::span<const std::uint8_t> labels,
                     std::span<float> gradient, std::size_t& hits) {
    DYNAVG_CHECK(logits.size() == labels.size() * kModelClasses);
    DYNAVG_CHECK(gradient.empty() || gradient.size() == logits.size());
    const auto count = static_cast<double>(labels.size());
    double loss = 0;
    for (std::size_t sample = 0; sample < labels.size(); ++sample) {
        const auto row = logits.subspan(sample * kModelClasses, kModelClasses);
        const auto largest = std::max_element(row.begin(), row.end());
        if (static_cast<std::size_t>(largest - row.begin()) == labels[sample]) ++hits;
        std::array<double, kModelClasses> powers{};
        double sum = 0;
        for (std::size_t i = 0; i < kModelClasses; ++i) {
            powers[i] = std::exp(static_cast<double>(row[i]) - static_cast<double>(*largest));
            sum += powers[i];
        }
        loss += std::log(sum) -
                (static_cast<double>(row[labels[sample]]) - static_cast<double>(*largest));
        if (gradient.empty()) continue;
        for (std::size_t i = 0; i < kModelClasses; ++i) {
            const double target = i == labels[sample] ? 1 : 0;
            gradient[sample * kModelClasses + i] =
                static_cast<float>((powers[i] / sum - target) / count);
        }
    }
    return loss / count;
}

}  // namespace dynavg::training
