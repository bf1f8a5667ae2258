#include "training/optimizer.hpp"

#include <algorithm>
#include <cmath>

#include "tests/catch.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

constexpr std::size_t kSize = 37;
constexpr int kSteps = 25;

std::vector<float> gradient_of_step(int step) {
    return random_values(kSize, 100 + static_cast<std::uint64_t>(step));
}

/// The rules as written in the papers and in Keras, one weight at a time, in double.
struct ScalarReference {
    OptimizerOptions options;
    double w = 0;
    double m = 0;
    double v = 0;
    int t = 0;

    void step(double g) {
        ++t;
        const double lr = options.learning_rate;
        if (options.kind == OptimizerKind::sgd) {
            g += options.weight_decay * w;
            m = options.momentum * m - lr * g;
            w += options.nesterov ? options.momentum * m - lr * g : m;
            return;
        }
        m = options.beta1 * m + (1 - options.beta1) * g;
        v = options.beta2 * v + (1 - options.beta2) * g * g;
        const double corrected =
            lr * std::sqrt(1 - std::pow(options.beta2, t)) / (1 - std::pow(options.beta1, t));
        w -= lr * options.weight_decay * w + corrected * m / (std::sqrt(v) + options.epsilon);
    }
};

void check_against_reference(const OptimizerOptions& options) {
    REQUIRE(validate(options).has_value());
    auto w = random_values(kSize, 1);
    std::vector<ScalarReference> expected;
    for (const float value : w) expected.push_back({options, static_cast<double>(value)});
    Optimizer optimizer(options, kSize);
    for (int step = 0; step < kSteps; ++step) {
        const auto gradient = gradient_of_step(step);
        optimizer.update(w, gradient);
        for (std::size_t i = 0; i < kSize; ++i) {
            expected[i].step(static_cast<double>(gradient[i]));
            REQUIRE(static_cast<double>(w[i]) == Approx(expected[i].w).margin(3e-6));
        }
    }
}

}  // namespace

TEST_CASE("each optimizer follows its scalar rule", "[optimizer]") {
    SECTION("adam") {
        check_against_reference({});
    }
    SECTION("adam with other numbers") {
        check_against_reference({.learning_rate = 0.02, .beta1 = 0.5, .beta2 = 0.9});
    }
    SECTION("adamw") {
        check_against_reference(
            {.kind = OptimizerKind::adamw, .learning_rate = 0.01, .weight_decay = 0.1});
    }
    SECTION("sgd") {
        check_against_reference({.kind = OptimizerKind::sgd, .learning_rate = 0.1});
    }
    SECTION("sgd with weight decay") {
        check_against_reference(
            {.kind = OptimizerKind::sgd, .learning_rate = 0.1, .weight_decay = 0.05});
    }
    SECTION("sgd with momentum") {
        check_against_reference(
            {.kind = OptimizerKind::sgd, .learning_rate = 0.1, .momentum = 0.9});
    }
    SECTION("sgd with Nesterov momentum") {
        check_against_reference({.kind = OptimizerKind::sgd,
                                 .learning_rate = 0.1,
                                 .momentum = 0.9,
                                 .nesterov = true,
                                 .weight_decay = 0.01});
    }
}

TEST_CASE("Adam's first step is the learning rate in the gradient's direction", "[optimizer]") {
    Optimizer optimizer({.learning_rate = 0.01}, 2);
    std::vector<float> w{1.0F, 1.0F};
    optimizer.update(w, std::vector<float>{3.0F, -0.5F});
    CHECK(w[0] == Approx(0.99).margin(1e-6));
    CHECK(w[1] == Approx(1.01).margin(1e-6));
}

TEST_CASE("after a reset the optimizer is as new", "[optimizer]") {
    for (const OptimizerOptions& options :
         {OptimizerOptions{},
          OptimizerOptions{.kind = OptimizerKind::sgd, .learning_rate = 0.1, .momentum = 0.9}}) {
        Optimizer used(options, kSize);
        auto scratch = random_values(kSize, 1);
        used.update(scratch, gradient_of_step(1));
        used.reset();
        Optimizer fresh(options, kSize);
        auto a = random_values(kSize, 2);
        auto b = a;
        used.update(a, gradient_of_step(2));
        fresh.update(b, gradient_of_step(2));
        CHECK(same_bits(a, b));
    }
}

TEST_CASE("an optimizer goes on from another's state as if it had made its steps", "[optimizer]") {
    const OptimizerOptions momentum{
        .kind = OptimizerKind::sgd, .learning_rate = 0.1, .momentum = 0.9};
    const OptimizerOptions plain{.kind = OptimizerKind::sgd, .learning_rate = 0.1};
    const OptimizerOptions adamw{.kind = OptimizerKind::adamw, .weight_decay = 0.01};
    for (const OptimizerOptions& options : {OptimizerOptions{}, adamw, momentum, plain}) {
        CAPTURE(static_cast<int>(options.kind), options.momentum);
        Optimizer first(options, kSize);
        auto a = random_values(kSize, 1);
        for (int step = 0; step < 7; ++step) first.update(a, gradient_of_step(step));
        Optimizer second(options, kSize);
        auto b = a;
        REQUIRE(second.restore_state(first.state()));
        CHECK(second.state() == first.state());
        for (int step = 7; step < 12; ++step) {
            first.update(a, gradient_of_step(step));
            second.update(b, gradient_of_step(step));
        }
        CHECK(same_bits(a, b));
    }
}

TEST_CASE("the state of another optimizer is refused and changes nothing", "[optimizer]") {
    Optimizer adam({}, kSize);
    auto values = random_values(kSize, 1);
    adam.update(values, gradient_of_step(1));
    const auto before = adam.state();
    Optimizer adamw({.kind = OptimizerKind::adamw}, kSize);
    Optimizer larger({}, kSize + 1);
    Optimizer sgd({.kind = OptimizerKind::sgd}, kSize);
    for (const Optimizer* other : {&adamw, &larger, &sgd}) {
        CHECK_FALSE(adam.restore_state(other->state()));
        CHECK(adam.state() == before);
    }
    CHECK_FALSE(adam.restore_state({}));
    for (std::size_t size = 0; size < before.size(); size += 7) {
        CHECK_FALSE(adam.restore_state(std::span(before).first(size)));
    }
    CHECK(adam.state() == before);
}

TEST_CASE("options that make no sense are refused by name", "[optimizer]") {
    const auto message = [](const OptimizerOptions& options) {
        const auto valid = validate(options);
        return valid ? std::string() : valid.error().message;
    };
    CHECK(message({}).empty());
    CHECK_THAT(message({.learning_rate = 0}), contains_text("learning_rate"));
    CHECK_THAT(message({.learning_rate = std::nan("")}), contains_text("learning_rate"));
    CHECK_THAT(message({.weight_decay = 0.1}), contains_text("weight_decay"));
    CHECK_THAT(message({.momentum = 0.9}), contains_text("momentum"));
    CHECK_THAT(message({.kind = OptimizerKind::sgd, .momentum = 1}), contains_text("momentum"));
    CHECK_THAT(message({.epsilon = 0}), contains_text("epsilon"));
    CHECK_THAT(message({.beta1 = 1}), contains_text("beta1"));
    CHECK_THAT(message({.beta2 = -1}), contains_text("beta2"));
}

TEST_CASE("an update of a part does to it what one of all does, and nothing to the rest",
          "[optimizer]") {
    constexpr std::size_t kFirst = 20;
    for (const OptimizerOptions& options :
         {OptimizerOptions{}, OptimizerOptions{.kind = OptimizerKind::sgd, .momentum = 0.9},
          OptimizerOptions{.kind = OptimizerKind::sgd}}) {
        std::vector<float> parted = random_values(kSize, 1);
        std::vector<float> whole = parted;
        Optimizer of_part(options, kSize);
        Optimizer of_whole(options, kSize);
        for (int step = 0; step < kSteps; ++step) {
            std::vector<float> gradient = gradient_of_step(step);
            if (step >= 5) {
                of_part.update(parted, gradient);
            } else {
                // Where the gradient was always zero, a whole update changes nothing either.
                of_part.update(std::span(parted).subspan(kFirst),
                               std::span<const float>(gradient).subspan(kFirst), kFirst);
                std::fill_n(gradient.begin(), kFirst, 0.0F);
            }
            of_whole.update(whole, gradient);
        }
        CHECK(same_bits(parted, whole));
    }
}

}  // namespace dynavg::training::tests
