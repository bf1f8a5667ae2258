#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace dynavg::training {

/// Chooses the samples of a step's batch: the shard is passed through again and again, each time in
/// a new order (random reshuffling; Keras and the papers' authors train so), and cut into batches
/// without regard to where a pass ends. So between two uses of a sample lie fewer than two passes.
///
/// A batch is a function of (seed, shard index, step) alone: pass p is a permutation (Fisher &
/// Yates) drawn from RandomStream(seed, batches, shard index, p). A process that starts at any step
/// goes on as the one before would have. Costs one permutation per pass.
class BatchSampler {
public:
    /// The samples must not be empty.
    BatchSampler(std::span<const std::uint32_t> samples, std::size_t batch_size, std::uint64_t seed,
                 std::uint32_t shard_index);

    /// Valid until the next call.
    [[nodiscard]] std::span<const std::uint32_t> batch(std::uint64_t step);

private:
    void shuffle(std::uint64_t pass);

    std::vector<std::uint32_t> m_samples;   ///< In the shard's order, where every pass begins.
    std::vector<std::uint32_t> m_shuffled;  ///< Of pass m_pass; empty before the first.
    std::vector<std::uint32_t> m_batch;
    std::uint64_t m_pass = 0;
    std::uint64_t m_seed;
    std::uint32_t m_shard_index;
};

}  // namespace dynavg::training
