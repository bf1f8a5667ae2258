#include "training/data/batch_sampler.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "tests/catch.hpp"

namespace dynavg::training::tests {

namespace {

using Samples = std::vector<std::uint32_t>;

const Samples kShard{3, 5, 8, 13, 21, 34, 55};

/// The draws of so many steps, one after the other.
Samples drawn(BatchSampler& sampler, std::uint64_t first, std::uint64_t steps) {
    Samples all;
    for (std::uint64_t step = first; step < first + steps; ++step) {
        const auto batch = sampler.batch(step);
        all.insert(all.end(), batch.begin(), batch.end());
    }
    return all;
}

Samples sorted(Samples samples) {
    std::sort(samples.begin(), samples.end());
    return samples;
}

}  // namespace

TEST_CASE("every pass has each sample once, in an order of its own", "[batches]") {
    for (const std::size_t batch_size : {1U, 3U, 7U, 20U}) {
        INFO("batches of " << batch_size);
        BatchSampler sampler(kShard, batch_size, 1, 0);
        const Samples all = drawn(sampler, 0, kShard.size() * 2);
        Samples before;
        for (std::size_t begin = 0; begin + kShard.size() <= all.size(); begin += kShard.size()) {
            const Samples pass(all.begin() + static_cast<std::ptrdiff_t>(begin),
                               all.begin() + static_cast<std::ptrdiff_t>(begin + kShard.size()));
            CHECK(sorted(pass) == kShard);
            CHECK(pass != before);
            before = pass;
        }
    }
}

TEST_CASE("a batch is that of its step, whichever were asked for before", "[batches]") {
    BatchSampler in_order(kShard, 3, 1, 0);
    const Samples all = drawn(in_order, 0, 20);
    BatchSampler backwards(kShard, 3, 1, 0);
    for (std::uint64_t step = 20; step-- > 0;) {
        INFO("step " << step);
        const auto begin = all.begin() + static_cast<std::ptrdiff_t>(3 * step);
        CHECK(drawn(backwards, step, 1) == Samples(begin, begin + 3));
    }
}

TEST_CASE("seed and shard index give other orders", "[batches]") {
    BatchSampler one(kShard, 7, 1, 0);
    BatchSampler other_seed(kShard, 7, 2, 0);
    BatchSampler other_index(kShard, 7, 1, 1);
    const Samples expected = drawn(one, 0, 4);
    CHECK(drawn(other_seed, 0, 4) != expected);
    CHECK(drawn(other_index, 0, 4) != expected);
}

TEST_CASE("no step is too late to draw", "[batches]") {
    BatchSampler sampler(kShard, 65536, 1, 0);
    const auto batch = sampler.batch(std::numeric_limits<std::uint64_t>::max());
    CHECK(batch.size() == 65536);
}

}  // namespace dynavg::training::tests
