#include "training/data/batch_sampler.hpp"

#include <utility>

#include "protocol/base/check.hpp"
#include "protocol/base/random.hpp"

namespace dynavg::training {

BatchSampler::BatchSampler(std::span<const std::uint32_t> samples, std::size_t batch_size,
                           std::uint64_t seed, std::uint32_t shard_index)
    : m_samples(samples.begin(), samples.end()),
      m_batch(batch_size),
      m_seed(seed),
      m_shard_index(shard_index) {
    DYNAVG_CHECK(!m_samples.empty());
}

std::span<const std::uint32_t> BatchSampler::batch(std::uint64_t step) {
    const std::uint64_t size = m_samples.size();
    // The same as (step * batch size) / size and its rest, where that product would overflow.
    std::uint64_t pass = step / size * m_batch.size() + step % size * m_batch.size() / size;
    std::uint64_t next = step % size * m_batch.size() % size;
    for (std::uint32_t& sample : m_batch) {
        if (m_shuffled.empty() || pass != m_pass) shuffle(pass);
        sample = m_shuffled[next];
        if (++next == size) {
            next = 0;
            ++pass;
        }
    }
    return m_batch;
}

void BatchSampler::shuffle(std::uint64_t pass) {
    protocol::RandomStream stream(m_seed, protocol::RandomPurpose::batches, m_shard_index, pass);
    m_shuffled = m_samples;
    for (std::size_t left = m_shuffled.size(); left > 1; --left) {
        std::swap(m_shuffled[left - 1], m_shuffled[stream.below(left)]);
    }
    m_pass = pass;
}

}  // namespace dynavg::training
