#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/exchange/chunk_window.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/exchange/shard_reducer.hpp"

namespace dynavg::protocol {

/// One exchange of one settled roster at one member: reduces its own shard, gathers the others',
/// and serves both. It is
/// - running from start() on,
/// - done when it has the whole mean: then it only serves, for members that are slower, or
/// - stopped by an unusable contribution: then it does nothing.
class ExchangeSession {
public:
    /// `base` and `own` have the same number of values; order.self is in order.roster.
    ExchangeSession(ExchangeOrder order, const OuterRules& rules, ReferencePointer base,
                    ContributionPointer own);

    [[nodiscard]] const Digest& key() const { return m_key; }
    [[nodiscard]] Epoch target() const { return m_order.key.round.target; }

    void start(Instant now, ExchangeActions& actions);
    /// False: refused, the sender may not ask for it.
    bool on_request(PeerId from, const ChunkRequest& request, ExchangeActions& actions);
    /// False: refused, its place or its size is wrong.
    bool on_chunk(PeerId from, const Chunk& chunk, std::span<const std::byte> payload, Instant now,
                  ExchangeActions& actions);
    void on_tick(Instant now, ExchangeActions& actions);
    [[nodiscard]] Instant next_tick() const;

    [[nodiscard]] bool stopped() const { return m_phase == Phase::stopped; }
    [[nodiscard]] std::size_t buffered_bytes_max() const { return m_reducer.buffered_bytes_max(); }
    [[nodiscard]] std::uint64_t repetitions() const;

private:
    enum class Phase : std::uint8_t { running, done, stopped };

    /// The exchange with one other member.
    struct Partner {
        ChunkWindow contribution;  ///< Its chunks of our shard.
        ChunkWindow mean;          ///< The mean of its shard.
        /// Chunks of our mean that it asked for and that do not exist yet.
        std::vector<std::uint32_t> waiting{};
        /// Ends of what it has asked for so far.
        std::uint32_t asked_contribution = 0;
        std::uint32_t asked_mean = 0;
        /// When it last gave a chunk of its contribution, or was first asked.
        Instant gave_at{};
    };

    [[nodiscard]] std::optional<std::size_t> place_of(PeerId peer) const;
    [[nodiscard]] PeerId peer_at(std::size_t member) const { return m_order.roster[member].id; }
    /// Calls function(member) for the others, each member beginning with its successor, so that
    /// they do not all turn to the first one.
    template <class Function>
    void for_others(Function function) const;
    void ask(std::size_t member, Instant now, ExchangeActions& actions);
    void send_request(std::size_t member, TransferKind kind, ChunkWindow::Range range,
                      ExchangeActions& actions) const;
    void send_contribution(std::size_t member, std::uint32_t index, ExchangeActions& actions) const;
    void send_mean(std::size_t member, std::uint32_t index, ExchangeActions& actions) const;
    bool take_contribution(std::size_t member, const Chunk& chunk,
                           std::span<const std::byte> payload, Instant now,
                           ExchangeActions& actions);
    bool take_mean(std::size_t member, const Chunk& chunk, std::span<const std::byte> payload,
                   Instant now, ExchangeActions& actions);
    void reduce(ExchangeActions& actions);
    void stop(const ShardReducer::Fault& fault, ExchangeActions& actions);
    void note_request(std::uint32_t& asked, std::uint32_t end, ExchangeActions& actions) const;
    void report_stalled(Instant now, ExchangeActions& actions) const;
    void finish_if_complete(ExchangeActions& actions);

    ExchangeOrder m_order;
    OuterRules m_rules;
    Digest m_key;
    ReferencePointer m_base;
    ContributionPointer m_own;
    ContributionFacts m_facts;  ///< Of m_own, and what its peer has to say about the threshold.
    std::vector<Shard> m_shards;
    std::size_t m_self;
    ShardReducer m_reducer;
    std::vector<Partner> m_partners;  ///< In roster order; the own place is unused.
    std::vector<float> m_mean;        ///< The whole; empty once it is handed over.
    Duration m_longest_gap{};         ///< Between two chunks of a contribution.
    Phase m_phase = Phase::running;
};

}  // namespace dynavg::protocol
