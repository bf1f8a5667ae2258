#pragma once

#include <array>
#include <cstdint>

namespace dynavg::protocol {

/// What a stream of random numbers is for; two purposes never share numbers.
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
};

/// Philox4x32-10 (Salmon et al. 2011): a block of four words is a pure function of key and counter,
/// the same on every platform.
[[nodiscard]] std::array<std::uint32_t, 4> philox4x32(std::array<std::uint32_t, 4> counter,
                                                      std::array<std::uint32_t, 2> key);

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

}  // namespace dynavg::protocol
