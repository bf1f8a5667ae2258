#include "protocol/exchange/exchange_plan.hpp"

#include <algorithm>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

std::vector<Shard> exchange_plan(std::size_t values, std::size_t members) {
    DYNAVG_CHECK(members > 0);
    const std::size_t base = values / members;
    const std::size_t longer = values % members;
    std::vector<Shard> shards(members);
    std::size_t first = 0;
    for (std::size_t i = 0; i < members; ++i) {
        shards[i] = {first, base + (i < longer ? 1 : 0)};
        first += shards[i].count;
    }
    return shards;
}

std::uint32_t chunk_count(std::size_t bytes) {
    const std::size_t chunks = bytes / limits::kChunkBytes + (bytes % limits::kChunkBytes != 0);
    return static_cast<std::uint32_t>(std::max<std::size_t>(chunks, 1));
}

ByteRange chunk_range(std::size_t bytes, std::uint32_t index) {
    const std::size_t first = std::min(bytes, std::size_t{index} * limits::kChunkBytes);
    return {first, std::min(limits::kChunkBytes, bytes - first)};
}

}  // namespace dynavg::protocol
