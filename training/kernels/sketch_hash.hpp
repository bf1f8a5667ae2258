#pragma once

#include <cstddef>
#include <cstdint>

namespace dynavg::training {

/// The finalizer of SplitMix64: a bijection of 64 bits that mixes them well.
[[nodiscard, gnu::always_inline]] constexpr std::uint64_t mix64(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9U;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBU;
    return x ^ (x >> 31);
}

/// The random source of one row of the sketch.
[[nodiscard]] constexpr std::uint64_t sketch_row_key(std::uint64_t seed, std::uint64_t row) {
    return mix64(mix64(seed) + (row + 1) * 0x9E3779B97F4A7C15U);
}

/// The random source of one block of one row: its rotation and its signs are functions of this.
[[nodiscard, gnu::always_inline]] constexpr std::uint64_t sketch_key(std::uint64_t row_key,
                                                                     std::uint64_t block) {
    return mix64(row_key + block * 0x9E3779B97F4A7C15U);
}

/// Uniform in [0, 256).
[[nodiscard, gnu::always_inline]] constexpr std::size_t sketch_rotation(std::uint64_t key) {
    return static_cast<std::size_t>((key * 0xD6E8FEB86659FD93U) >> 56);
}

}  // namespace dynavg::training
