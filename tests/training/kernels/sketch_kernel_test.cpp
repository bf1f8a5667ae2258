#include "training/kernels/sketch_kernel.hpp"

#include <cmath>
#include <functional>
#include <string>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

constexpr std::size_t kParameters = 61'706;
constexpr protocol::SketchShape kShape{};
constexpr int kSeeds = 200;

struct Sketched {
    std::vector<float> sketch = std::vector<float>(std::size_t{kShape.rows} * kShape.columns);
    double squared_norm = 0;
};

Sketched sketch_of(std::span<const float> drift, std::uint64_t seed) {
    const std::vector<float> zero(drift.size());
    Sketched result;
    result.squared_norm = drift_norm_and_sketch(drift, zero, kShape, seed, result.sketch);
    return result;
}

/// A sum of twelve uniform numbers: normal enough.
float gaussian(protocol::RandomStream& stream) {
    float sum = -6;
    for (int i = 0; i < 12; ++i) sum += stream.uniform_float();
    return sum;
}

struct Shape {
    std::string name;
    std::function<float(protocol::RandomStream&, std::size_t)> value;
};

const std::vector<Shape>& shapes() {
    static const std::vector<Shape> all{
        {"Gaussian", [](auto& stream, std::size_t) { return gaussian(stream); }},
        {"constant", [](auto&, std::size_t) { return 0.01F; }},
        {"sparse", [](auto& stream,
                      std::size_t) { return stream.below(100) == 0 ? gaussian(stream) : 0.0F; }},
        {"heavy-tailed",
         [](auto& stream, std::size_t) {
             return gaussian(stream) / std::sqrt(stream.uniform_float() + 1e-3F);
         }},
        {"one large block",
         [](auto& stream, std::size_t i) {
             return gaussian(stream) * (i >= 20'000 && i < 24'096 ? 100.0F : 1.0F);
         }},
        // Without rotations all of it would fall into one column.
        {"every 256th",
         [](auto& stream, std::size_t i) { return i % 256 == 7 ? gaussian(stream) : 0.0F; }},
        {"scaled by layer",
         [](auto& stream, std::size_t i) {
             return gaussian(stream) * (i < 150 ? 10.0F : i < 2'572 ? 3.0F : i < 50'692 ? 0.1F : 1);
         }},
    };
    return all;
}

std::vector<float> vector_of(const Shape& shape) {
    protocol::RandomStream stream(11, protocol::RandomPurpose::test);
    std::vector<float> values(kParameters);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = shape.value(stream, i);
    return values;
}

}  // namespace

TEST_CASE("M2 estimates the squared norm over 200 seeds, whatever the vector", "[sketch_kernel]") {
    for (const Shape& shape : shapes()) {
        const std::vector<float> drift = vector_of(shape);
        double sum = 0;
        double squares = 0;
        for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
            const Sketched sketched = sketch_of(drift, seed);
            const double ratio =
                protocol::sketch_squared_norm(kShape, sketched.sketch) / sketched.squared_norm;
            sum += ratio;
            squares += ratio * ratio;
        }
        const double mean = sum / kSeeds;
        const double deviation = std::sqrt((squares - sum * mean) / (kSeeds - 1));
        INFO(shape.name << ": mean " << mean << ", standard deviation " << deviation);
        CHECK(std::abs(mean - 1) <= 0.01);
        CHECK(deviation <= 0.055);
        CHECK(deviation >= 0.03);
    }
}

TEST_CASE("the sketch is linear", "[sketch_kernel]") {
    const auto a = random_values(kParameters, 1);
    const auto b = random_values(kParameters, 2);
    std::vector<float> both(kParameters);
    for (std::size_t i = 0; i < kParameters; ++i) both[i] = 0.5F * (a[i] + b[i]);
    const Sketched of_a = sketch_of(a, 3);
    const Sketched of_b = sketch_of(b, 3);
    const Sketched of_mean = sketch_of(both, 3);
    const double scale = std::sqrt(of_mean.squared_norm / kShape.columns);
    for (std::size_t i = 0; i < of_a.sketch.size(); ++i) {
        const double mean =
            0.5 * (static_cast<double>(of_a.sketch[i]) + static_cast<double>(of_b.sketch[i]));
        REQUIRE(std::abs(static_cast<double>(of_mean.sketch[i]) - mean) < 1e-5 * scale);
    }
}

TEST_CASE("each coordinate goes to one column of each row with sign one", "[sketch_kernel]") {
    const std::size_t size = 3 * kSketchColumns + 17;
    for (const std::size_t at : {std::size_t{0}, std::size_t{255}, std::size_t{300}, size - 1}) {
        std::vector<float> drift(size);
        drift[at] = 2.0F;
        const Sketched sketched = sketch_of(drift, 5);
        for (std::size_t row = 0; row < kShape.rows; ++row) {
            const auto values =
                std::span(sketched.sketch).subspan(row * kSketchColumns, kSketchColumns);
            int hits = 0;
            for (const float value : values) {
                if (value == 0) continue;
                CHECK(std::abs(value) == 2.0F);
                ++hits;
            }
            CHECK(hits == 1);
        }
    }
}

TEST_CASE("coordinates of one block never share a column", "[sketch_kernel]") {
    std::vector<float> drift(2 * kSketchColumns);
    const auto block = random_values(kSketchColumns, 6);
    std::copy(block.begin(), block.end(), drift.begin() + kSketchColumns);
    const Sketched sketched = sketch_of(drift, 9);
    CHECK(protocol::sketch_squared_norm(kShape, sketched.sketch) ==
          Approx(sketched.squared_norm).epsilon(1e-6));
}

TEST_CASE("another seed, another sketch; the same norm as without a sketch", "[sketch_kernel]") {
    const auto drift = random_values(kParameters, 8);
    const Sketched one = sketch_of(drift, 1);
    CHECK(one.sketch == sketch_of(drift, 1).sketch);
    CHECK(one.sketch != sketch_of(drift, 2).sketch);
    double expected = 0;
    for (const float value : drift) {
        expected += static_cast<double>(value) * static_cast<double>(value);
    }
    CHECK(one.squared_norm == Approx(expected).epsilon(1e-6));
}

TEST_CASE("only rows of 256 columns are possible", "[sketch_kernel]") {
    CHECK(is_supported({5, 256}));
    CHECK(is_supported({1, 256}));
    CHECK_FALSE(is_supported({5, 250}));
    CHECK_FALSE(is_supported({0, 256}));
    CHECK_FALSE(is_supported({kSketchRowsMax + 1, 256}));
}

}  // namespace dynavg::training::tests
