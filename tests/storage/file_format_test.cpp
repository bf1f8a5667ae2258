#include "storage/file_format.hpp"

#include <algorithm>

#include "tests/catch.hpp"

namespace dynavg::storage {

namespace {

constexpr protocol::Digest kOurs{1, 2};

std::vector<std::byte> file_of(std::vector<std::byte> payload, std::uint64_t sequence = 5) {
    const auto header = make_file_header(FileKind::local, kOurs, sequence, {payload});
    std::vector<std::byte> file(header.size() + payload.size());
    std::copy(payload.begin(), payload.end(),
              std::copy(header.begin(), header.end(), file.begin()));
    return file;
}

const std::vector<std::byte> kPayload(300, std::byte{0x5A});

}  // namespace

TEST_CASE("a file comes back as it was written", "[file_format]") {
    const auto bytes = file_of(kPayload);
    const auto file = open_file(bytes, FileKind::local, kOurs);
    REQUIRE(file.has_value());
    CHECK(file->sequence == 5);
    CHECK(std::equal(file->payload.begin(), file->payload.end(), kPayload.begin(), kPayload.end()));
    CHECK(open_file(file_of({}), FileKind::local, kOurs)->payload.empty());
}

TEST_CASE("a payload may be written in parts", "[file_format]") {
    const std::span<const std::byte> all(kPayload);
    CHECK(make_file_header(FileKind::local, kOurs, 5, {all.first(7), all.subspan(7)}) ==
          make_file_header(FileKind::local, kOurs, 5, {all}));
}

TEST_CASE("every flipped bit of a file is noticed", "[file_format]") {
    const auto sound = file_of(kPayload);
    for (std::size_t at = 0; at < sound.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            auto bytes = sound;
            bytes[at] ^= std::byte{1} << bit;
            const auto file = open_file(bytes, FileKind::local, kOurs);
            REQUIRE_FALSE(file.has_value());
            REQUIRE(file.error().why == Refusal::Why::damaged);
        }
    }
}

TEST_CASE("a file that was cut short or has grown is damaged", "[file_format]") {
    const auto sound = file_of(kPayload);
    for (std::size_t size = 0; size < sound.size(); ++size) {
        const auto file = open_file(std::span(sound).first(size), FileKind::local, kOurs);
        REQUIRE_FALSE(file.has_value());
        REQUIRE(file.error().why == Refusal::Why::damaged);
    }
    auto longer = sound;
    longer.push_back({});
    CHECK_FALSE(open_file(longer, FileKind::local, kOurs).has_value());
    CHECK(open_file(longer, FileKind::local, kOurs, Trailing::any).has_value());
}

TEST_CASE("a sound file of another network, kind or version is told from a damaged one",
          "[file_format]") {
    const auto bytes = file_of(kPayload);
    CHECK(open_file(bytes, FileKind::local, {1, 3}).error().why == Refusal::Why::foreign);
    CHECK(open_file(bytes, FileKind::history, kOurs).error().why == Refusal::Why::damaged);
}

}  // namespace dynavg::storage
