#include "training/kernels/lane_kernels.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/kernels/sketch_hash.hpp"

namespace dynavg::training::tests {

namespace {

constexpr std::size_t kSize = 2 * 256 + 16 + 5;

void append(std::vector<float>& out, double value) {
    const auto bits = std::bit_cast<std::array<float, 2>>(value);
    out.insert(out.end(), bits.begin(), bits.end());
}

/// All that the kernels of one instruction set make of the same inputs, bit by bit.
std::vector<float> everything(const LaneKernels& kernels) {
    const auto a = random_values(kSize, 1);
    const auto b = random_values(kSize, 2);
    const auto c = random_values(kSize, 3);
    std::vector<float> out;
    append(out, kernels.squared_norm(a.data(), b.data(), kSize));
    const DriftSums sums = kernels.norm_and_dot(a.data(), b.data(), c.data(), kSize);
    append(out, sums.squared_norm);
    append(out, sums.along);
    const std::array<std::uint64_t, 3> keys{sketch_row_key(1, 0), sketch_row_key(1, 1),
                                            sketch_row_key(1, 2)};
    std::vector<float> rows(keys.size() * kSketchRowWidth);
    append(out, kernels.norm_and_sketch(a.data(), b.data(), kSize, keys.data(), keys.size(),
                                        rows.data()));
    out.insert(out.end(), rows.begin(), rows.end());
    const auto keep = [&out](const std::vector<float>& values) {
        out.insert(out.end(), values.begin(), values.end());
    };
    auto w = a;
    kernels.difference(a.data(), b.data(), w.data(), kSize);
    keep(w);
    kernels.rebase(w.data(), b.data(), c.data(), kSize);
    keep(w);
    auto mean = random_values(kSize, 4);
    auto variance = random_values(kSize, 5);
    for (float& value : variance) value *= value;
    kernels.adam(w.data(), b.data(), mean.data(), variance.data(), kSize,
                 {0.01F, 0.9F, 0.999F, 1e-7F, 0.1F});
    keep(w);
    keep(mean);
    keep(variance);
    kernels.sgd(w.data(), b.data(), kSize, 0.1F, 0.01F);
    kernels.momentum(w.data(), b.data(), mean.data(), kSize, 0.1F, 0.9F, 0.01F, true);
    kernels.momentum(w.data(), b.data(), mean.data(), kSize, 0.1F, 0.9F, 0.01F, false);
    keep(w);
    kernels.tanh(w.data(), kSize);
    keep(w);
    kernels.tanh_backward(w.data(), b.data(), kSize);
    keep(w);
    kernels.relu_backward(w.data(), b.data(), kSize);
    kernels.relu(w.data(), kSize);
    keep(w);
    return out;
}

}  // namespace

TEST_CASE("every instruction set gives the same bits", "[lane_kernels]") {
    const std::vector<float> expected = everything(lane_kernels(InstructionSet::baseline));
    for (const InstructionSet set : {InstructionSet::avx2, InstructionSet::avx512}) {
        if (!is_supported(set)) {
            WARN("not on this processor: instruction set " << static_cast<int>(set));
            continue;
        }
        CHECK(same_bits(everything(lane_kernels(set)), expected));
    }
}

#if defined(__x86_64__)
TEST_CASE("the bits are those of every other machine", "[lane_kernels]") {
    CHECK(digest_of(everything(lane_kernels())).hex() == "cd5d57085ca2861d938256cbc744fa7f");
}
#endif

TEST_CASE("tanh is right to 1e-6 and keeps what is not a number", "[lane_kernels]") {
    std::vector<float> values = random_values(10'000, 7, 12.0F);
    for (std::size_t i = 0; i < 1000; ++i) values[i] *= 1e-4F;
    values[0] = 0;
    values[1] = std::numeric_limits<float>::infinity();
    values[2] = -std::numeric_limits<float>::infinity();
    auto result = values;
    lane_kernels().tanh(result.data(), result.size());
    double worst = 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
        worst = std::max(worst, std::abs(static_cast<double>(result[i]) -
                                         std::tanh(static_cast<double>(values[i]))));
    }
    CHECK(worst <= 1e-6);
    CHECK(result[0] == 0);
    float odd = std::numeric_limits<float>::quiet_NaN();
    lane_kernels().tanh(&odd, 1);
    CHECK(std::isnan(odd));
}

TEST_CASE("derivatives of the activations follow from their outputs", "[lane_kernels]") {
    const std::vector<float> output{-1.0F, -0.5F, 0.0F, 0.5F, 1.0F};
    std::vector<float> gradient(output.size(), 2.0F);
    lane_kernels().tanh_backward(gradient.data(), output.data(), output.size());
    CHECK(gradient == std::vector<float>{0.0F, 1.5F, 2.0F, 1.5F, 0.0F});
    std::vector<float> rectified = output;
    lane_kernels().relu(rectified.data(), rectified.size());
    CHECK(rectified == std::vector<float>{0.0F, 0.0F, 0.0F, 0.5F, 1.0F});
    gradient.assign(output.size(), 2.0F);
    lane_kernels().relu_backward(gradient.data(), rectified.data(), rectified.size());
    CHECK(gradient == std::vector<float>{0.0F, 0.0F, 0.0F, 2.0F, 2.0F});
}

TEST_CASE("re-basing keeps the drift that has not been counted", "[lane_kernels]") {
    const auto base = random_values(kSize, 8);
    auto reference = random_values(kSize, 9);
    reference[3] = -0.0F;
    auto w = base;
    SECTION("nothing new: exactly the reference, zeros with their sign too") {
        lane_kernels().rebase(w.data(), reference.data(), base.data(), kSize);
        CHECK(same_bits(w, reference));
    }
    SECTION("steps since the freeze go on top") {
        const auto drift = random_values(kSize, 10, 0.01F);
        for (std::size_t i = 0; i < kSize; ++i) w[i] += drift[i];
        const auto before = w;
        lane_kernels().rebase(w.data(), reference.data(), base.data(), kSize);
        for (std::size_t i = 0; i < kSize; ++i) {
            const double expected = static_cast<double>(reference[i]) +
                                    static_cast<double>(before[i]) - static_cast<double>(base[i]);
            REQUIRE(std::abs(static_cast<double>(w[i]) - expected) < 2e-7);
        }
    }
}

}  // namespace dynavg::training::tests
