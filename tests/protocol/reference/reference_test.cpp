#include "protocol/reference/reference.hpp"

#include <cmath>
#include <limits>

#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

constexpr ReferenceShape kShape{5, 2, true};

ReferencePointer initial() {
    return make_initial_reference(kShape, {1, 2, 3, 4, 5, 6, 7}, 2.5, 11);
}

double norm_of(std::span<const float> values) {
    double sum = 0;
    for (const float value : values) sum += static_cast<double>(value) * static_cast<double>(value);
    return std::sqrt(sum);
}

}  // namespace

TEST_CASE("the initial reference is epoch 0 with a seeded unit direction", "[reference]") {
    const ReferencePointer reference = initial();
    CHECK(reference->epoch == Epoch(0));
    CHECK(reference->shape() == kShape);
    CHECK(reference->direction.size() == 5);
    CHECK(norm_of(reference->direction) == Approx(1.0).epsilon(1e-6));
    CHECK(reference->id == initial()->id);
    CHECK(make_initial_reference(kShape, {1, 2, 3, 4, 5, 6, 7}, 2.5, 12)->id != reference->id);
    CHECK(make_initial_reference(kShape, {1, 2, 3, 4, 5, 6, 7}, 2.6, 11)->id != reference->id);
    CHECK(make_initial_reference(kShape, {1, 2, 3, 4, 5, 6, 8}, 2.5, 11)->id != reference->id);
}

TEST_CASE("the next reference is the mean, its direction the way from the last one",
          "[reference]") {
    const ReferencePointer first = initial();
    const ReferencePointer next = make_next_reference(*first, Epoch(1), {1, 2, 3, 4, 8, 60, 70});
    CHECK(next->id.epoch == Epoch(1));
    CHECK(next->values == std::vector<float>{1, 2, 3, 4, 8, 60, 70});
    CHECK(next->direction == std::vector<float>{0, 0, 0, 0, 1});
    CHECK(next->threshold == first->threshold);
    const ReferencePointer same = make_next_reference(*next, Epoch(2), next->values);
    CHECK(same->direction == next->direction);
    CHECK(same->id.digest != next->id.digest);
}

TEST_CASE("an encoded reference comes back bit for bit", "[reference]") {
    for (const ReferenceShape shape : {kShape, ReferenceShape{3, 0, false}, ReferenceShape{}}) {
        const ReferencePointer reference =
            make_initial_reference(shape, std::vector<float>(shape.values(), 0.1F), 1.0, 3);
        const auto bytes = encode_reference(*reference);
        CHECK(bytes.size() == shape.encoded_bytes());
        const auto decoded = decode_reference(bytes, shape, reference->id);
        REQUIRE(decoded.has_value());
        CHECK((*decoded)->id == reference->id);
        CHECK((*decoded)->values == reference->values);
        CHECK((*decoded)->direction == reference->direction);
    }
}

TEST_CASE("a damaged reference is refused", "[reference]") {
    const ReferencePointer reference = initial();
    const auto bytes = encode_reference(*reference);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        CAPTURE(i);
        auto damaged = bytes;
        damaged[i] ^= std::byte{0x10};
        CHECK_FALSE(decode_reference(damaged, kShape, reference->id).has_value());
    }
    CHECK_FALSE(decode_reference(std::span(bytes).first(bytes.size() - 1), kShape, reference->id)
                    .has_value());
    CHECK_FALSE(decode_reference({}, kShape, reference->id).has_value());
    ReferenceId other = reference->id;
    other.epoch = Epoch(9);
    CHECK_FALSE(decode_reference(bytes, kShape, other).has_value());
}

TEST_CASE("a reference that is not finite is refused, whatever its digest says", "[reference]") {
    const auto initial = make_initial_reference({.parameters = 3}, {1, 2, 3}, 5.0, 1);
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const auto bad = make_next_reference(*initial, Epoch(1), {1, nan, 3});
    const auto decoded = decode_reference(encode_reference(*bad), bad->shape(), bad->id);
    REQUIRE_FALSE(decoded);
    CHECK(decoded.error().message.find("not a number") != std::string::npos);
}

}  // namespace dynavg::protocol
