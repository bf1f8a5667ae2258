#pragma once

#include <array>
#include <cstdint>

namespace dynavg::protocol {

/// The purpose of a stream of random numbers; two purposes never share numbers.
enum class RandomPurpose : std::uint32_t {
    initial_weights = 1,
    batches = 2,
    dropout = 3,
    direction = 4,
    sketch = 5,
    synthetic_data = 6,
    simulation = 7,
    jitter = 8,
    test = 9,
    balancing = 10,
};

/// Philox4x32-10 (Salmon et al. 2011): a block of four words is a pure function of key and counter,
/// the same on every platform.
[[nodiscard]] inline std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
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

/// A stream of random numbers named by (seed, purpose, a, b), for example (seed, batches, shard
/// index, step). Cheap to make, no state is shared. Meets UniformRandomBitGenerator, but the
/// standard distributions differ between libraries: use the members.
class RandomStream {
public:
    using result_type = std::uint32_t;
    RandomStream(std::uint64_t seed, RandomPurpose purpose, std::uint32_t a = 0,
                 std::uint64_t b = 0);

    [[nodiscard]] static constexpr result_type min() { return 0; }
    [[nodiscard]] static constexpr result_type max() { return 0xffffffffU; }
    result_type operator()();
    std::uint64_t bits64();
    /// Uniform in [0, 1), 24 random bits: exact in float.
    float uniform_float();
    /// Uniform in [0, 1), 53 random bits.
    double uniform();
    /// Uniform in [0, bound); bound > 0. Unbiased (Lemire's rejection).
    std::uint64_t below(std::uint64_t bound);

private:
    std::array<std::uint32_t, 2> m_key;
    std::array<std::uint32_t, 4> m_counter;
    std::array<std::uint32_t, 4> m_block{};
    unsigned m_used = 4;
};

// Here, since models of millions of parameters are drawn with them.
inline RandomStream::result_type RandomStream::operator()() {
    if (m_used == m_block.size()) {
        m_block = philox4x32(m_counter, m_key);
        // The second word carries what the first overflows.
        if (++m_counter[0] == 0) ++m_counter[1];
        m_used = 0;
    }
    return m_block[m_used++];
}

inline std::uint64_t RandomStream::bits64() {
    const std::uint64_t low = (*this)();
    return low | (static_cast<std::uint64_t>((*this)()) << 32);
}

inline float RandomStream::uniform_float() {
    return static_cast<float>((*this)() >> 8) * 0x1p-24F;
}

inline double RandomStream::uniform() {
    return static_cast<double>(bits64() >> 11) * 0x1p-53;
}

}  // namespace dynavg::protocol
