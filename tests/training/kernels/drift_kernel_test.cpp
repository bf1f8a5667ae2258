#include "training/kernels/drift_kernel.hpp"

#include <cmath>
#include <limits>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

struct NaiveSums {
    double squared_norm = 0;
    double along = 0;
    double absolute = 0;  ///< Sum of the products' absolute values: the scale of rounding errors.
};

NaiveSums naive(std::span<const float> w, std::span<const float> reference,
                std::span<const float> direction) {
    NaiveSums sums;
    for (std::size_t i = 0; i < w.size(); ++i) {
        const double drift = static_cast<double>(w[i]) - static_cast<double>(reference[i]);
        const double product = drift * static_cast<double>(direction[i]);
        sums.squared_norm += drift * drift;
        sums.along += product;
        sums.absolute += std::abs(product);
    }
    return sums;
}

}  // namespace

TEST_CASE("norm and dot product of the drift agree with a plain double sum", "[drift_kernel]") {
    for (const std::size_t size : {0U, 1U, 7U, 31U, 32U, 33U, 255U, 256U, 1003U, 61706U}) {
        const auto reference = random_values(size, 1);
        auto w = reference;
        const auto drift = random_values(size, 2, 0.01F);
        for (std::size_t i = 0; i < size; ++i) w[i] += drift[i];
        const auto direction = random_values(size, 3);
        const NaiveSums expected = naive(w, reference, direction);
        INFO("size " << size);
        CHECK(drift_squared_norm(w, reference) == Approx(expected.squared_norm).epsilon(1e-6));
        const DriftSums sums = drift_norm_and_dot(w, reference, direction);
        CHECK(sums.squared_norm == drift_squared_norm(w, reference));
        CHECK(std::abs(sums.along - expected.along) <= 1e-6 * expected.absolute);
    }
}

TEST_CASE("the norm is accurate to 1e-6 for a model of 26 million parameters", "[drift_kernel]") {
    constexpr std::size_t kSize = 26'000'000;
    const auto w = random_values(kSize, 4, 0.5F);
    const std::vector<float> reference(kSize, 0.125F);
    const NaiveSums expected = naive(w, reference, w);
    CHECK(drift_squared_norm(w, reference) == Approx(expected.squared_norm).epsilon(1e-6));
    CHECK(drift_norm_and_dot(w, reference, w).along == Approx(expected.along).epsilon(1e-6));
}

TEST_CASE("a model that diverged has a drift that is not finite", "[drift_kernel]") {
    const auto reference = random_values(100, 5);
    auto w = reference;
    w[99] = std::numeric_limits<float>::quiet_NaN();
    CHECK(std::isnan(drift_squared_norm(w, reference)));
    w[99] = std::numeric_limits<float>::infinity();
    CHECK(std::isinf(drift_squared_norm(w, reference)));
}

TEST_CASE("a squared norm becomes the next float that is not below it", "[drift_kernel]") {
    CHECK(rounded_up(0.0) == 0.0F);
    CHECK(rounded_up(1.5) == 1.5F);
    CHECK(rounded_up(1.0 + 1e-12) == std::nextafter(1.0F, 2.0F));
    CHECK(rounded_up(1.0 - 1e-12) == 1.0F);
    CHECK(rounded_up(1e300) == std::numeric_limits<float>::infinity());
    CHECK(std::isnan(rounded_up(std::numeric_limits<double>::quiet_NaN())));
    for (const float value : random_values(1000, 6, 100.0F)) {
        const double exact = static_cast<double>(value) * 1.1234567890123;
        CHECK(static_cast<double>(rounded_up(exact)) >= exact);
        CHECK(static_cast<double>(std::nextafter(rounded_up(exact), -1e30F)) < exact);
    }
}

}  // namespace dynavg::training::tests
