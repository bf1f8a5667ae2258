#include "training/data/synthetic_digits.hpp"

#include <algorithm>
#include <array>
#include <numeric>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/evaluator.hpp"

namespace dynavg::training::tests {

namespace {

double accuracy_after(const ModelSpec& model, int epochs) {
    constexpr std::size_t kTrainSamples = 20'000;
    TrainerOptions options = options_for(model);
    options.dataset = synthetic_digits(1, DataPart::train, kTrainSamples);
    options.shard = whole(options.dataset->size());
    const auto trainer = trainer_of(options);
    run_steps(*trainer, epochs * static_cast<int>(kTrainSamples / options.batch_size));
    auto evaluator = make_evaluator(model, synthetic_digits(1, DataPart::test, 4'000), 0);
    REQUIRE(evaluator.has_value());
    return evaluator->evaluate(trainer->values()).accuracy;
}

}  // namespace

TEST_CASE("synthetic digits are the same bytes on every machine", "[synthetic_digits]") {
    const auto dataset = synthetic_digits(1, DataPart::train, 200);
    REQUIRE(dataset->images.size() == 200 * 784);
    CHECK(digest_of(std::span<const std::uint8_t>(dataset->images)).hex() ==
          "09a5f7f0d127b35b6a570386c33f3ee2");
    CHECK(digest_of(std::span<const std::uint8_t>(dataset->labels)).hex() ==
          "8c53782bb8a2014ebf2f18c678c522c0");
}

TEST_CASE("parts and seeds differ, fewer samples begin more", "[synthetic_digits]") {
    const auto dataset = synthetic_digits(1, DataPart::train, 50);
    CHECK(dataset->images != synthetic_digits(1, DataPart::test, 50)->images);
    CHECK(dataset->images != synthetic_digits(2, DataPart::train, 50)->images);
    const auto more = synthetic_digits(1, DataPart::train, 60);
    CHECK(std::equal(dataset->images.begin(), dataset->images.end(), more->images.begin()));
}

TEST_CASE("all digits come about equally often", "[synthetic_digits]") {
    const auto dataset = synthetic_digits(1, DataPart::test, 4'000);
    CHECK(dataset->size() == 4'000);
    std::array<int, 10> counts{};
    for (const std::uint8_t label : dataset->labels) ++counts.at(label);
    // Binomial: 400 expected, standard deviation 19.
    for (const int count : counts) CHECK(std::abs(count - 400) < 80);
}

TEST_CASE("a linear model cannot tell the digits, LeNet-5 can", "[synthetic_digits]") {
    const double linear = accuracy_after({.builtin = "logistic"}, 12);
    CHECK(linear > 0.6);
    CHECK(linear < 0.95);
    CHECK(accuracy_after({}, 4) > 0.97);
}

}  // namespace dynavg::training::tests
