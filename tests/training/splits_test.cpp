#include "training/splits.hpp"

#include <algorithm>
#include <set>

#include "protocol/random.hpp"
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

std::vector<Shard> shards_of(const std::vector<std::uint8_t>& labels, std::string_view split,
                             std::size_t count) {
    const auto parsed = parse_split(split);
    REQUIRE(parsed.has_value());
    auto shards = cut(labels, *parsed, count);
    REQUIRE(shards.has_value());
    return std::move(*shards);
}

}  // namespace

TEST_CASE("every split deals every sample once, in nearly equal parts", "[splits]") {
    for (const std::size_t size : {21U, 100U, 1003U}) {
        const auto labels = random_labels(size);
        for (const char* split : {"iid", "sorted:0.6", "sorted:0", "sorted:1", "label:3"}) {
            for (const std::size_t count : {1U, 3U, 7U}) {
                INFO(split << ", " << size << " samples, " << count << " shards");
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
    const auto shards = shards_of(std::vector<std::uint8_t>(10), "iid", 3);
    CHECK(shards[0].samples == std::vector<std::uint32_t>{0, 1, 2});
    CHECK(shards[1].samples == std::vector<std::uint32_t>{3, 4, 5});
    CHECK(shards[2].samples == std::vector<std::uint32_t>{6, 7, 8, 9});
}

TEST_CASE("sorted:F sorts the first samples and leaves the rest as stored", "[splits]") {
    const std::vector<std::uint8_t> labels{2, 1, 0, 1, 2, 0, 9, 8, 7, 6};
    const auto shards = shards_of(labels, "sorted:0.6", 2);
    CHECK(shards[0].samples == std::vector<std::uint32_t>{2, 5, 1, 6, 7});
    CHECK(shards[1].samples == std::vector<std::uint32_t>{3, 0, 4, 8, 9});
}

TEST_CASE("label:Y puts one label first", "[splits]") {
    const std::vector<std::uint8_t> labels{2, 1, 0, 1, 2, 0};
    const auto shards = shards_of(labels, "label:1", 3);
    CHECK(shards[0].samples == std::vector<std::uint32_t>{1, 3});
    CHECK(shards[1].samples == std::vector<std::uint32_t>{0, 2});
    CHECK(shards[2].samples == std::vector<std::uint32_t>{4, 5});
}

TEST_CASE("dirichlet:A gives every sample to one peer, and each label to few where A is small",
          "[splits]") {
    std::vector<std::uint8_t> labels;
    for (int i = 0; i < 5000; ++i) labels.push_back(static_cast<std::uint8_t>(i % 10));
    // Of the largest peer of each label, the share; their mean over the labels.
    const auto concentration = [&](const char* text) {
        const auto shards = shards_of(labels, text, 5);
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
    CHECK(concentration("dirichlet:0.1") > 0.7);
    CHECK(concentration("dirichlet:1") > 0.35);
    CHECK(concentration("dirichlet:1") < 0.65);
    CHECK(concentration("dirichlet:1000") < 0.22);
    CHECK(shards_of(labels, "dirichlet:0.5", 5)[2].samples ==
          shards_of(labels, "dirichlet:0.5", 5)[2].samples);
}

TEST_CASE("unequal:R cuts shards whose sizes grow evenly", "[splits]") {
    const std::vector<std::uint8_t> labels(90);
    const auto shards = shards_of(labels, "unequal:5", 3);
    CHECK(shards[0].samples.size() == 10);
    CHECK(shards[1].samples.size() == 30);
    CHECK(shards[2].samples.size() == 50);
    CHECK(shards[1].samples.front() == 10);
    CHECK(shards_of(labels, "unequal:1", 3)[2].samples.size() == 30);
    CHECK(shards_of(labels, "unequal:9", 1)[0].samples.size() == 90);
}

TEST_CASE("split texts are read and written alike", "[splits]") {
    for (const char* text :
         {"iid", "sorted:0.6", "label:0", "label:9", "dirichlet:0.1", "unequal:4"}) {
        const auto split = parse_split(text);
        REQUIRE(split.has_value());
        CHECK(split->text() == text);
    }
    for (const char* text :
         {"", "IID", "iid ", "sorted", "sorted:", "sorted:1.5", "sorted:-0.1", "sorted:nan",
          "sorted:0.5x", "label:", "label:-1", "label:256", "label:x", "dirichlet", "dirichlet:0",
          "dirichlet:inf", "unequal:0.5", "unequal:1001"}) {
        INFO(text);
        const auto split = parse_split(text);
        REQUIRE_FALSE(split.has_value());
        CHECK_THAT(split.error().message, contains_text("allowed are iid"));
    }
}

TEST_CASE("a cut that leaves a peer without data is refused", "[splits]") {
    const std::vector<std::uint8_t> labels(4);
    CHECK_FALSE(cut(labels, {}, 0).has_value());
    CHECK_FALSE(cut(labels, {}, 5).has_value());
    CHECK(cut(labels, {}, 4).has_value());
    // Two sorted and two others among three: both parts miss the same shard.
    CHECK_FALSE(cut(labels, {.kind = SplitKind::sorted, .fraction = 0.5}, 4).has_value());
}

}  // namespace dynavg::training::tests
