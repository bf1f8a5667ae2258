#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace dynavg::posix {

[[nodiscard]] inline std::span<const std::byte> bytes_of(std::string_view text) {
    return std::as_bytes(std::span(text));
}

/// All bytes, however many calls it takes and whichever signals come. 0, or why not: errno.
[[nodiscard]] int write_all(int descriptor, std::span<const std::byte> bytes);

/// The same, from `offset` on.
[[nodiscard]] int write_all_at(int descriptor, std::size_t offset,
                               std::span<const std::byte> bytes);

}  // namespace dynavg::posix
