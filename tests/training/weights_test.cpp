#include "training/weights.hpp"

#include <cstring>
#include <limits>
#include <string>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"
#include "tests/training/support.hpp"

namespace dynavg::training::tests {

namespace {

std::string bytes_of(std::span<const float> values) {
    std::string bytes(values.size_bytes(), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

}  // namespace

TEST_CASE("a file of weights is a model's beginning, with its head or without", "[weights]") {
    test::TemporaryFolder directory;
    const auto path = directory.path() / "weights.f32";
    const ModelSpec spec{.builtin = "densenet121", .input = {3, 32, 32}};
    const ModelLayout layout = layout_of(spec);
    const auto given = random_values(layout.value_count(), 5);

    write_plain(path, bytes_of(given));
    const auto whole = read_weights(path, spec);
    REQUIRE(whole.has_value());
    CHECK(same_bits(*whole, given));

    const std::size_t head = layout.head();
    const std::size_t behind = layout.parameter_count();
    CHECK(behind - head == 10'250);
    write_plain(
        path, bytes_of(std::span(given).first(head)) + bytes_of(std::span(given).subspan(behind)));
    const auto headless = read_weights(path, spec);
    REQUIRE(headless.has_value());
    const std::span<const float> read(*headless);
    const auto drawn = initial_values(spec);
    CHECK(same_bits(read.first(head), std::span(given).first(head)));
    CHECK(same_bits(read.subspan(head, behind - head),
                    std::span(drawn).subspan(head, behind - head)));
    CHECK(same_bits(read.subspan(behind), std::span(given).subspan(behind)));
}

TEST_CASE("a file that can't be the model's weights is refused with the expected contents",
          "[weights]") {
    test::TemporaryFolder directory;
    const auto path = directory.path() / "weights.f32";
    const auto refusal = [&](const std::string& bytes, const ModelSpec& spec) {
        write_plain(path, bytes);
        const auto read = read_weights(path, spec);
        REQUIRE_FALSE(read.has_value());
        CHECK_THAT(read.error().message, contains_text(path.string()));
        return read.error().message;
    };
    const ModelSpec lenet{};
    std::vector<float> values(61'706, 0.5F);
    CHECK_THAT(refusal(bytes_of(values) + "x", lenet),
               contains_text("246825 bytes") && contains_text("have 246824, or 10288 without"));
    CHECK_THAT(refusal("", lenet), contains_text("has 0 bytes"));
    // All of it is head: an empty file says nothing.
    CHECK_THAT(refusal("", {.builtin = "logistic"}), contains_text("has 0 bytes"));
    values[7] = std::numeric_limits<float>::quiet_NaN();
    CHECK_THAT(refusal(bytes_of(values), lenet), contains_text("value 7 is not finite"));
    CHECK_THAT(read_weights(directory.path() / "nowhere", lenet).error().message,
               contains_text("nowhere") && contains_text("set `weights`"));
    CHECK_THAT(read_weights(directory.path(), lenet).error().message,
               contains_text("cannot be read"));
}

}  // namespace dynavg::training::tests
