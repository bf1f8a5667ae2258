#include "protocol/exchange/exchange_plan.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

TEST_CASE("shards cover the vector in order and differ by one value at most", "[exchange_plan]") {
    for (const std::size_t values : {0UL, 1UL, 2UL, 7UL, 100UL, 61706UL}) {
        for (const std::size_t members : {1UL, 2UL, 3UL, 7UL, 10UL, 256UL}) {
            CAPTURE(values, members);
            const auto shards = exchange_plan(values, members);
            REQUIRE(shards.size() == members);
            std::size_t next = 0;
            for (const Shard& shard : shards) {
                CHECK(shard.first == next);
                CHECK(shard.count >= values / members);
                CHECK(shard.count <= values / members + 1);
                next += shard.count;
            }
            CHECK(next == values);
        }
    }
}

TEST_CASE("chunks cover a transfer, and an empty one has one empty chunk", "[exchange_plan]") {
    constexpr std::size_t kChunk = limits::kChunkBytes;
    CHECK(chunk_count(0) == 1);
    CHECK(chunk_range(0, 0) == ByteRange{0, 0});
    for (const std::size_t bytes : {std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 5 * kChunk}) {
        CAPTURE(bytes);
        std::size_t next = 0;
        for (std::uint32_t index = 0; index < chunk_count(bytes); ++index) {
            const ByteRange range = chunk_range(bytes, index);
            CHECK(range.first == next);
            CHECK(range.count > 0);
            CHECK(range.count <= kChunk);
            next += range.count;
        }
        CHECK(next == bytes);
    }
    CHECK(chunk_count(kChunk) == 1);
    CHECK(chunk_count(kChunk + 1) == 2);
    CHECK(chunk_count(limits::kModelValuesMax * sizeof(float)) == 8192);
}

}  // namespace dynavg::protocol
