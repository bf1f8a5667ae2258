#include "protocol/base/random.hpp"

#include <set>
#include <vector>

#include "tests/catch.hpp"

namespace dynavg::protocol {

TEST_CASE("philox gives the known answers of the Random123 distribution", "[random]") {
    using Block = std::array<std::uint32_t, 4>;
    CHECK(philox4x32({0, 0, 0, 0}, {0, 0}) ==
          Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
    constexpr std::uint32_t kOnes = 0xffffffff;
    CHECK(philox4x32({kOnes, kOnes, kOnes, kOnes}, {kOnes, kOnes}) ==
          Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
    CHECK(philox4x32({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}) ==
          Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("a stream repeats itself, and differs in each part of its name", "[random]") {
    const auto first_words = [](RandomStream stream) {
        std::vector<std::uint32_t> words(16);
        for (auto& word : words) word = stream();
        return words;
    };
    const RandomStream base(1, RandomPurpose::test, 2, 3);
    CHECK(first_words(base) == first_words(RandomStream(1, RandomPurpose::test, 2, 3)));
    std::set<std::vector<std::uint32_t>> streams{first_words(base)};
    streams.insert(first_words(RandomStream(2, RandomPurpose::test, 2, 3)));
    streams.insert(first_words(RandomStream(1ULL << 32, RandomPurpose::test, 2, 3)));
    streams.insert(first_words(RandomStream(1, RandomPurpose::batches, 2, 3)));
    streams.insert(first_words(RandomStream(1, RandomPurpose::test, 3, 3)));
    streams.insert(first_words(RandomStream(1, RandomPurpose::test, 2, 4)));
    streams.insert(first_words(RandomStream(1, RandomPurpose::test, 2, 3ULL << 32)));
    CHECK(streams.size() == 7);
}

TEST_CASE("uniform numbers stay in their range with the right mean", "[random]") {
    RandomStream stream(42, RandomPurpose::test);
    double sum = 0;
    std::vector<int> counts(7);
    constexpr int kDraws = 70000;
    for (int i = 0; i < kDraws; ++i) {
        const float small = stream.uniform_float();
        const double large = stream.uniform();
        REQUIRE((small >= 0 && small < 1 && large >= 0 && large < 1));
        sum += large;
        ++counts.at(stream.below(7));
    }
    // Five standard deviations: 1/sqrt(12 n) for the mean, sqrt(n/7) for a count.
    CHECK(sum / kDraws == Approx(0.5).margin(0.0055));
    for (const int count : counts) CHECK(count == Approx(10000).margin(500));
    CHECK(stream.below(1) == 0);
}

}  // namespace dynavg::protocol
