#include "protocol/base/random.hpp"

#include "protocol/base/check.hpp"

namespace dynavg::protocol {

RandomStream::RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t a,
                           std::uint64_t b) {
    // The name has 160 bits, key and counter have 192, and 32 of those count the blocks: one block
    // of Philox maps (seed, purpose, a) to the key.
    const auto derived =
        philox4x32({static_cast<std::uint32_t>(purpose), a, 0, 0},
                   {static_cast<std::uint32_t>(seed), static_cast<std::uint32_t>(seed >> 32)});
    m_key = {derived[0], derived[1]};
    m_counter = {0, derived[2], static_cast<std::uint32_t>(b), static_cast<std::uint32_t>(b >> 32)};
}

std::uint64_t RandomStream::below(std::uint64_t bound) {
    DYNAVG_CHECK(bound > 0);
    const std::uint64_t threshold = (0 - bound) % bound;
    while (true) {
        const auto product = static_cast<unsigned __int128>(bits64()) * bound;
        if (static_cast<std::uint64_t>(product) >= threshold) {
            return static_cast<std::uint64_t>(product >> 64);
        }
    }
}

}  // namespace dynavg::protocol
