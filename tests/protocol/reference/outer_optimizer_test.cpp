#include "protocol/reference/outer_optimizer.hpp"

#include <cmath>
#include <limits>
#include <vector>

#include "protocol/reference/reference.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

constexpr std::size_t kBuffers = 1;

OuterRules rules_of(OuterKind kind) {
    OuterRules rules;
    rules.optimizer.kind = kind;
    rules.optimizer.learning_rate = 0.5;
    rules.optimizer.momentum = 0.5;
    rules.optimizer.beta2 = 0.75;
    rules.optimizer.epsilon = 1e-3;
    return rules;
}

/// Two parameters and a buffer, all zero.
ReferencePointer start_of(OuterKind kind) {
    return make_initial_reference({2, kBuffers, false, outer_vectors(kind)}, {0, 0, 0}, 1, 1);
}

/// The next reference where every model has moved by the same drift.
ReferencePointer moved(const ReferencePointer& from, const OuterRules& rules, float first,
                       float second) {
    std::vector<float> mean = from->values;
    mean[0] += first;
    mean[1] += second;
    mean[2] = 7;
    return make_next_reference(*from, from->epoch.next(), mean, rules);
}

}  // namespace

TEST_CASE("the outer average is the mean, without a state", "[outer_optimizer]") {
    const ReferencePointer start = start_of(OuterKind::average);
    const ReferencePointer next = moved(start, rules_of(OuterKind::average), 4, -2);
    CHECK(next->values == std::vector<float>{4, -2, 7});
    CHECK(next->outer.empty());
}

TEST_CASE("outer momentum adds up the drifts", "[outer_optimizer]") {
    const OuterRules rules = rules_of(OuterKind::momentum);
    const ReferencePointer first = moved(start_of(OuterKind::momentum), rules, 4, -2);
    CHECK(first->outer == std::vector<float>{4, -2});
    CHECK(first->values == std::vector<float>{2, -1, 7});
    const ReferencePointer second = moved(first, rules, 2, 0);
    CHECK(second->outer == std::vector<float>{4, -1});
    CHECK(second->values == std::vector<float>{4, -1.5, 7});
}

TEST_CASE("outer nesterov looks ahead", "[outer_optimizer]") {
    const OuterRules rules = rules_of(OuterKind::nesterov);
    const ReferencePointer first = moved(start_of(OuterKind::nesterov), rules, 4, -2);
    // 0.5 (d + 0.5 v)
    CHECK(first->values == std::vector<float>{3, -1.5, 7});
    const ReferencePointer second = moved(first, rules, 2, 0);
    CHECK(second->outer == std::vector<float>{4, -1});
    CHECK(second->values == std::vector<float>{5, -1.75, 7});
}

TEST_CASE("outer adam moves by its rate at first, whatever the drift", "[outer_optimizer]") {
    const OuterRules rules = rules_of(OuterKind::adam);
    const ReferencePointer first = moved(start_of(OuterKind::adam), rules, 4, -0.5);
    CHECK(first->outer == std::vector<float>{2, -0.25, 4, 0.0625});
    CHECK(first->outer_steps == 1);
    CHECK(first->values[0] == Approx(0.5 * 4 / (4 + 1e-3)));
    CHECK(first->values[1] == Approx(-0.5 * 0.5 / (0.5 + 1e-3)));
    CHECK(first->values[2] == 7);
    const ReferencePointer second = moved(first, rules, 0, 0);
    const double moment = 2 * 0.5 / (1 - 0.25);
    const double scale = std::sqrt(4 * 0.75 / (1 - 0.75 * 0.75));
    CHECK(second->values[0] ==
          Approx(static_cast<double>(first->values[0]) + 0.5 * moment / (scale + 1e-3)));
}

TEST_CASE("the outer state is part of the reference and travels with it", "[outer_optimizer]") {
    for (const OuterKind kind : {OuterKind::momentum, OuterKind::nesterov, OuterKind::adam}) {
        CAPTURE(name_of(kind));
        const ReferencePointer reference = moved(start_of(kind), rules_of(kind), 4, -2);
        const ReferenceShape shape{2, kBuffers, false, outer_vectors(kind)};
        CHECK(reference->shape() == shape);
        auto bytes = encode_reference(*reference);
        CHECK(bytes.size() == shape.encoded_bytes());
        const auto back = decode_reference(bytes, shape, reference->id);
        REQUIRE(back);
        CHECK((*back)->outer == reference->outer);
        CHECK((*back)->outer_steps == reference->outer_steps);
        // Its last byte is of the steps, the ones before of the state.
        bytes.back() ^= std::byte{1};
        CHECK_FALSE(decode_reference(bytes, shape, reference->id));
        bytes.back() ^= std::byte{1};
        bytes[bytes.size() - 9] ^= std::byte{1};
        CHECK_FALSE(decode_reference(bytes, shape, reference->id));
        // A merge begins anew.
        const auto merged = make_merged_reference(*start_of(kind), Epoch(9), reference->values);
        CHECK(merged->outer == std::vector<float>(reference->outer.size(), 0));
        CHECK(merged->outer_steps == 0);
    }
}

TEST_CASE("a reference made of a mean beyond all measure can still be pulled",
          "[outer_optimizer]") {
    const float most = std::numeric_limits<float>::max();
    for (const OuterKind kind :
         {OuterKind::average, OuterKind::momentum, OuterKind::nesterov, OuterKind::adam}) {
        OuterRules rules = rules_of(kind);
        rules.optimizer.learning_rate = 10;
        ReferencePointer reference = start_of(kind);
        for (int round = 0; round < 3; ++round) {
            reference = moved(reference, rules, most - std::abs(reference->values[0]),
                              -most + std::abs(reference->values[1]));
            CHECK(
                decode_reference(encode_reference(*reference), reference->shape(), reference->id));
        }
    }
}

TEST_CASE("outer optimizers have names, and limits", "[outer_optimizer]") {
    for (const char* name : {"average", "momentum", "nesterov", "adam"}) {
        REQUIRE(outer_from_name(name));
        CHECK(name_of(*outer_from_name(name)) == name);
    }
    CHECK_FALSE(outer_from_name("sgd"));
    CHECK(is_valid(OuterOptimizer{}));
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (const double bad : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
        CHECK_FALSE(is_valid(OuterOptimizer{.learning_rate = bad}));
        CHECK_FALSE(is_valid(OuterOptimizer{.epsilon = bad}));
    }
    for (const double bad : {-0.1, 1.0, nan}) {
        CHECK_FALSE(is_valid(OuterOptimizer{.momentum = bad}));
        CHECK_FALSE(is_valid(OuterOptimizer{.beta2 = bad}));
    }
}

}  // namespace dynavg::protocol
