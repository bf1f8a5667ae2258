#include "protocol/reference/weighted_mean.hpp"

#include <cmath>
#include <limits>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

std::vector<std::vector<float>> random_members(std::size_t members, std::size_t values) {
    RandomStream stream(7, RandomPurpose::test);
    std::vector<std::vector<float>> made(members, std::vector<float>(values));
    for (auto& member : made) {
        for (float& value : member) value = stream.uniform_float() * 4 - 2;
    }
    return made;
}

std::vector<float> mean_of(const std::vector<std::vector<float>>& members,
                           const std::vector<float>& weights) {
    std::vector<const float*> values;
    for (const auto& member : members) values.push_back(member.data());
    std::vector<float> out(members.front().size());
    weighted_mean(mean_weights(weights), values, out);
    return out;
}

}  // namespace

TEST_CASE("equal weights give the bits of the plain mean", "[weighted_mean]") {
    for (const std::size_t size : {0UL, 1UL, 31UL, 4096UL, 4097UL, 10000UL}) {
        const auto members = random_members(7, size);
        std::vector<float> expected(size);
        for (std::size_t i = 0; i < size; ++i) {
            float sum = 0;
            for (const auto& member : members) sum += member[i];
            expected[i] = sum / 7.0F;
        }
        for (const float weight : {0.0F, 1.0F, 0.3F, 17.0F}) {
            CAPTURE(size, weight);
            CHECK((mean_of(members, std::vector<float>(7, weight)) == expected));
        }
    }
}

TEST_CASE("weights weigh, and members without weight are left out", "[weighted_mean]") {
    auto members = random_members(3, 500);
    const auto mean = mean_of(members, {1.0F, 0.0F, 3.0F});
    for (std::size_t i = 0; i < mean.size(); ++i) {
        const float expected = (1.0F * members[0][i] + 3.0F * members[2][i]) / 4.0F;
        REQUIRE(mean[i] == expected);
    }
    CHECK(mean_of(members, {0.0F, 2.0F, 0.0F}) == members[1]);
}

TEST_CASE("values that are not finite are found wherever they are", "[weighted_mean]") {
    for (const float bad :
         {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
          std::numeric_limits<float>::quiet_NaN(), -std::nanf("5")}) {
        for (std::size_t place = 0; place < 67; ++place) {
            std::vector<float> values(67, std::numeric_limits<float>::max());
            REQUIRE(all_finite(values));
            values[place] = bad;
            REQUIRE_FALSE(all_finite(values));
        }
    }
    CHECK(all_finite({}));
}

TEST_CASE("the squared distance agrees with a plain sum", "[weighted_mean]") {
    for (const std::size_t size : {0UL, 1UL, 15UL, 16UL, 17UL, 1000UL}) {
        const auto members = random_members(2, size);
        double expected = 0;
        for (std::size_t i = 0; i < size; ++i) {
            expected += std::pow(
                static_cast<double>(members[0][i]) - static_cast<double>(members[1][i]), 2);
        }
        CHECK(squared_distance(members[0], members[1]) == Approx(expected).epsilon(1e-12));
    }
}

}  // namespace dynavg::protocol
