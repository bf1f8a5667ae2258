#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/limits.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/exchange/exchange_plan.hpp"

namespace dynavg::protocol {

/// Adds up one shard at its owner: takes the members' chunks in any order within a window, judges
/// them, and makes each mean chunk as soon as it has that chunk of everyone, in roster order.
/// Holds at most members x limits::kChunksInFlightMax chunks and the shard's mean.
class ShardReducer {
public:
    /// How members' models are judged.
    enum class Judge : std::uint8_t {
        drifts,  ///< By their distance from the reference that all have in common.
        /// By their size beside this peer's own: in a merge, where nothing is common, and where all
        /// models weigh the same. Coarse: it finds models that have diverged, or never were any.
        models
    };
    /// A member whose contribution cannot be used.
    struct Fault {
        std::size_t member;
        std::string reason;
    };

    /// `self` is the owner's place among the members; its own chunks are taken from `own`, and its
    /// facts are `own_facts`: those that its partners are told. `base` is this peer's reference.
    /// A member that says that it counts more than weight_max lies.
    ShardReducer(Shard shard, std::size_t members, std::size_t self, float weight_max, Judge judge,
                 ReferencePointer base, ContributionPointer own,
                 const ContributionFacts& own_facts);

    [[nodiscard]] std::uint32_t chunks() const { return m_chunks; }
    /// Chunks below this one may be asked for.
    [[nodiscard]] std::uint32_t end() const { return m_reduced + limits::kChunksInFlightMax; }
    /// Bytes that chunk `index` must have.
    [[nodiscard]] std::size_t chunk_bytes(std::uint32_t index) const;

    /// A chunk of another member: index < end(), not taken before, payload of chunk_bytes().
    [[nodiscard]] std::optional<Fault> take(std::size_t member, std::uint32_t index,
                                            const ContributionFacts& facts,
                                            std::span<const std::byte> payload);
    /// Makes the mean chunks that can be made.
    [[nodiscard]] std::optional<Fault> reduce();

    /// Mean chunks made so far.
    [[nodiscard]] std::uint32_t reduced() const { return m_reduced; }
    [[nodiscard]] bool complete() const { return m_reduced == m_chunks; }
    /// The shard's mean; valid up to what is reduced, and unchanged from then on.
    [[nodiscard]] const std::shared_ptr<std::vector<float>>& mean() const { return m_mean; }
    /// In roster order; valid once complete.
    [[nodiscard]] std::vector<ContributionFacts> facts() const;
    /// The most chunk bytes that were held at a time.
    [[nodiscard]] std::size_t buffered_bytes_max() const { return m_buffered_bytes_max; }

private:
    using Slots = std::array<std::vector<float>, limits::kChunksInFlightMax>;
    struct Source {
        std::optional<ContributionFacts> facts;
        double squared_distance = 0;  ///< To the base, of the chunks seen.
        Slots slots;
        std::array<bool, limits::kChunksInFlightMax> filled{};
    };

    [[nodiscard]] Shard chunk_shard(std::uint32_t index) const;
    [[nodiscard]] std::optional<std::string> judge(Source& source, std::uint32_t index,
                                                   const ContributionFacts& facts,
                                                   std::span<const float> values) const;
    [[nodiscard]] std::optional<std::string> judge_drift(Source& source, std::size_t first,
                                                         std::span<const float> parameters) const;
    [[nodiscard]] std::optional<std::string> judge_model(std::size_t first,
                                                         std::span<const float> parameters) const;
    [[nodiscard]] bool ready() const;
    [[nodiscard]] std::optional<Fault> reduce_one();
    [[nodiscard]] Fault blame_overflow(std::span<const float* const> values,
                                       std::span<const float> factors,
                                       std::span<const float> mean) const;

    Shard m_shard;
    std::uint32_t m_chunks;
    std::size_t m_self;
    float m_weight_max;
    Judge m_judge;
    ReferencePointer m_base;
    ContributionPointer m_own;
    ContributionFacts m_own_facts;
    double m_own_mean_square;  ///< Of the parameters; at least 1.
    std::vector<Source> m_sources;
    std::shared_ptr<std::vector<float>> m_mean;
    std::uint32_t m_reduced = 0;
    std::size_t m_buffered_bytes = 0;
    std::size_t m_buffered_bytes_max = 0;
};

}  // namespace dynavg::protocol
