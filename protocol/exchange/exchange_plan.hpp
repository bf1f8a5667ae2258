#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace dynavg::protocol {

/// A range of the vector that one member averages for all.
struct Shard {
    std::size_t first = 0;
    std::size_t count = 0;
    bool operator==(const Shard&) const = default;
};

/// One shard per member of a roster, in roster order, disjoint, covering [0, values). Sizes differ
/// by one at most; shards are empty where there are fewer values than members.
[[nodiscard]] std::vector<Shard> exchange_plan(std::size_t values, std::size_t members);

/// Number of chunks of limits::kChunkBytes for so many bytes; at least one (an empty one).
[[nodiscard]] std::uint32_t chunk_count(std::size_t bytes);

/// A range of bytes.
struct ByteRange {
    std::size_t first = 0;
    std::size_t count = 0;
    bool operator==(const ByteRange&) const = default;
};

/// Where chunk `index` of a transfer of so many bytes lies; index < chunk_count(bytes).
[[nodiscard]] ByteRange chunk_range(std::size_t bytes, std::uint32_t index);

}  // namespace dynavg::protocol
