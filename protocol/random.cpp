#include "protocol/random.hpp"

#include "protocol/check.hpp"

namespace dynavg::protocol {

std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                        std::array<std::uint32_t, 2> key) {
    constexpr std::uint64_t kMultiplier0 = 0xD2511F53;
    constexpr std::uint64_t kMultiplier1 = 0xCD9E8D57;
    constexpr std::uint32_t kWeyl0 = 0x9E3779B9;
    constexpr std::uint32_t kWeyl1 = 0xBB67AE85;
    for (int round = 0; round < 10; ++round) {
        const std::uint64_t product0 = kMultiplier0 * counter[0];
        const std::uint64_t product1 = kMultiplier1 * counter[2];
        counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key[0],
                   static_cast<std::uint32_t>(product1),
                   static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key[1],
                   static_cast<std::uint32_t>(product0)};
        key[0] += kWeyl0;
        key[1] += kWeyl1;
    }
    return counter;
}

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

RandomStream::result_type RandomStream::operator()() {
    if (m_used == m_block.size()) {
        m_block = philox4x32(m_counter, m_key);
        // The second word carries what the first overflows.
        if (++m_counter[0] == 0) ++m_counter[1];
        m_used = 0;
    }
    return m_block[m_used++];
}

std::uint64_t RandomStream::bits64() {
    const std::uint64_t low = (*this)();
    return low | (static_cast<std::uint64_t>((*this)()) << 32);
}

float RandomStream::uniform_float() {
    return static_cast<float>((*this)() >> 8) * 0x1p-24F;
}

double RandomStream::uniform() {
    return static_cast<double>(bits64() >> 11) * 0x1p-53;
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
