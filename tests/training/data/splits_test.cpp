#include "training/data/splits.hpp"

#include <algorithm>
#include <set>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

std::vector<std::uint8_t> random_labels(std::size_t size) {
    protocol::RandomStream stream(1, protocol::RandomPurpose::test);
    std::vector<std::uint8_t> labels(size);
    for (std::uint8_t& label : labels) label = static_cast<std::uint8_t>(stream.below(10));
    return labels;
}

Split sorted(double fraction) {
    return {.kind = SplitKind::sorted, .fraction = fraction};
}

Split label_first(std::uint8_t label) {
    return {.kind = SplitKind::label, .label = label};
}

Split dirichlet(double parameter) {
    return {.kind = SplitKind::dirichlet, .fraction = parameter};
}

Split unequal(double ratio) {
    return {.kind = SplitKind::unequal, .fraction = ratio};
}

std::vector<Shard> shards_of(const std::vector<std::uint8_t>& labels, const Split& split,
                             std::size_t count) {
    auto shards = cut(labels, split, count);
    REQUIRE(shards.has_value());
    return std::move(*shards);
}

}  // namespace

TEST_CASE("every split deals every sample once, in nearly equal parts", "[splits]") {
    for (const std::size_t size : {21U, 100U, 1003U}) {
        const auto labels = random_labels(size);
        for (const Split& split : {Split{}, sorted(0.6), sorted(0), sorted(1), label_first(3)}) {
            for (const std::size_t count : {1U, 3U, 7U}) {
                CAPTURE(static_cast<int>(split.kind), split.fraction, size, count);
                std::set<std::uint32_t> seen;
                std::size_t smallest = size;
                std::size_t largest = 0;
                for (const Shard& shard : shards_of(labels, split, count)) {
                    seen.insert(shard.samples.begin(), shard.samples.end());
                    smallest = std::min(smallest, shard.samples.size());
                    largest = std::max(largest, shard.samples.size());
                }
                CHECK(seen.size() == size);
                CHECK(*seen.rbegin() == size - 1);
                CHECK(largest - smallest <= 2);
            }
        }
    }
}

TEST_CASE("iid cuts the stored order", "[splits]") {
    const auto shards = shards_of(std::vector<std::uint8_t>(10), {}, 3);
    CHECK(shards[0].samples == std::vector<std::uint32_t>{0, 1, 2});
    CHECK(shards[1].samples == std::vector<std::uint32_t>{3, 4, 5});
    CHECK(shards[2].samples == std::vector<std::uint32_t>{6, 7, 8, 9});
}

TEST_CASE("sorted sorts the first samples and leaves the rest as stored", "[splits]") {
    const std::vector<std::uint8_t> labels{2, 1, 0, 1, 2, 0, 9, 8, 7, 6};
    const auto shards = shards_of(labels, sorted(0.6), 2);
    CHECK(shards[0].samples == std::vector<std::uint32_t>{2, 5, 1, 6, 7});
    CHECK(shards[1].samples == std::vector<std::uint32_t>{3, 0, 4, 8, 9});
}

TEST_CASE("label puts one label first", "[splits]") {
    const std::vector<std::uint8_t> labels{2, 1, 0, 1, 2, 0};
    const auto shards = shards_of(labels, label_first(1), 3);
    CHECK(shards[0].samples == std::vector<std::uint32_t>{1, 3});
    CHECK(shards[1].samples == std::vector<std::uint32_t>{0, 2});
    CHECK(shards[2].samples == std::vector<std::uint32_t>{4, 5});
}

TEST_CASE(
    "dirichlet gives every sample to one peer, and each label to few if its parameter is small",
    "[splits]") {
    std::vector<std::uint8_t> labels;
    for (int i = 0; i < 5000; ++i) labels.push_back(static_cast<std::uint8_t>(i % 10));
    // Of the largest peer of each label, the share; their mean over the labels.
    const auto concentration = [&](double parameter) {
        const auto shards = shards_of(labels, dirichlet(parameter), 5);
        std::vector<std::uint32_t> all;
        std::vector<std::vector<int>> counts(10, std::vector<int>(5));
        for (std::size_t k = 0; k < shards.size(); ++k) {
            for (const std::uint32_t sample : shards[k].samples) {
                all.push_back(sample);
                ++counts[labels[sample]][k];
            }
        }
        std::sort(all.begin(), all.end());
        CHECK(all == whole(labels.size()).samples);
        double sum = 0;
        for (const auto& of_label : counts) {
            sum += *std::max_element(of_label.begin(), of_label.end()) / 500.0;
        }
        return sum / 10;
    };
    CHECK(concentration(0.1) > 0.7);
    CHECK(concentration(1) > 0.35);
    CHECK(concentration(1) < 0.65);
    CHECK(concentration(1000) < 0.22);
    CHECK(shards_of(labels, dirichlet(0.5), 5)[2].samples ==
          shards_of(labels, dirichlet(0.5), 5)[2].samples);
}

TEST_CASE("unequal cuts shards whose sizes grow evenly", "[splits]") {
    const std::vector<std::uint8_t> labels(90);
    const auto shards = shards_of(labels, unequal(5), 3);
    CHECK(shards[0].samples.size() == 10);
    CHECK(shards[1].samples.size() == 30);
    CHECK(shards[2].samples.size() == 50);
    CHECK(shards[1].samples.front() == 10);
    CHECK(shards_of(labels, unequal(1), 3)[2].samples.size() == 30);
    CHECK(shards_of(labels, unequal(9), 1)[0].samples.size() == 90);
}

TEST_CASE("a cut that leaves a peer without data is refused", "[splits]") {
    const std::vector<std::uint8_t> labels(4);
    CHECK_FALSE(cut(labels, {}, 0).has_value());
    CHECK_FALSE(cut(labels, {}, 5).has_value());
    CHECK(cut(labels, {}, 4).has_value());
    // Two sorted and two others among three: both parts miss the same shard.
    const auto missed = cut(labels, sorted(0.5), 4);
    REQUIRE_FALSE(missed.has_value());
    CHECK_THAT(missed.error().message, contains_text("leave shard 0 empty"));
}

}  // namespace dynavg::training::tests
