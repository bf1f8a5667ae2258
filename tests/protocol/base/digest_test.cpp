#include "protocol/base/digest.hpp"

#include <vector>

#include "tests/catch.hpp"

namespace dynavg::protocol {

TEST_CASE("the digest is XXH3-128", "[digest]") {
    // Known answer of xxHash for the empty input.
    CHECK(Digester().finish().hex() == "99aa06d3014798d86001c324468d497f");
}

TEST_CASE("a digest does not depend on how the bytes are cut", "[digest]") {
    std::vector<std::byte> bytes(1000);
    for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 7);
    const Digest whole = Digester().add(std::span<const std::byte>(bytes)).finish();
    Digester parts;
    for (std::size_t i = 0; i < bytes.size(); i += 100) {
        parts.add(std::span<const std::byte>(bytes).subspan(i, 100));
    }
    CHECK(parts.finish() == whole);
    bytes[500] ^= std::byte{1};
    CHECK(Digester().add(std::span<const std::byte>(bytes)).finish() != whole);
}

TEST_CASE("neighbouring texts and vectors do not run into each other", "[digest]") {
    using std::string_view_literals::operator""sv;
    CHECK(Digester().add("ab"sv).add("c"sv).finish() != Digester().add("a"sv).add("bc"sv).finish());
    const std::vector<float> one{1.0F};
    const std::vector<float> none;
    CHECK(Digester().add(std::span<const float>(one)).add(std::span<const float>(none)).finish() !=
          Digester().add(std::span<const float>(none)).add(std::span<const float>(one)).finish());
}

}  // namespace dynavg::protocol
