#include <cstdlib>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"
#include "training/data/idx.hpp"
#include "training/evaluator.hpp"

namespace dynavg::training::tests {

TEST_CASE("LeNet-5 learns MNIST", "[mnist]") {
    const char* directory = std::getenv("DYNAVG_MNIST_DIR");
    if (directory == nullptr) {
        WARN("skipped: set DYNAVG_MNIST_DIR to a directory that holds MNIST's four IDX files");
        return;
    }
    const auto train = read_idx_directory(directory, DataPart::train);
    INFO((train ? std::string() : train.error().message));
    REQUIRE(train.has_value());
    const auto test = read_idx_directory(directory, DataPart::test);
    REQUIRE(test.has_value());
    CHECK((*train)->size() == 60'000);
    CHECK((*test)->size() == 10'000);
    CHECK((*train)->shape == ImageShape{1, 28, 28});

    TrainerOptions options = options_for({});
    options.dataset = *train;
    options.shard = whole((*train)->size());
    const auto trainer = trainer_of(options);
    run_steps(*trainer, 2 * 60'000 / 32);
    auto evaluator = make_evaluator({}, *test, 0);
    REQUIRE(evaluator.has_value());
    CHECK(evaluator->evaluate(trainer->values()).accuracy > 0.97);
}

}  // namespace dynavg::training::tests
