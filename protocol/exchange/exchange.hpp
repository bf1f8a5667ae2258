#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// A model as it was frozen for one target epoch. Immutable; every attempt sends the same one.
struct Contribution {
    Epoch target;
    ContributionFacts facts;
    std::vector<float> values;  ///< Parameters, then buffers.
};

using ContributionPointer = std::shared_ptr<const Contribution>;

/// Names one exchange: chunks of another target, attempt or pair of sets never mix with it.
struct ExchangeKey {
    RoundId round;
    Attempt attempt;
    Digest sets;
    constexpr auto operator<=>(const ExchangeKey&) const = default;
    [[nodiscard]] Digest digest() const;
};

/// The core's order once a roster is settled.
struct ExchangeOrder {
    ExchangeKey key;
    Ballot ballot;
    Roster roster;
    Member self;
    /// A merge: members hold different references, so each model weighs the same, no drift can be
    /// judged, and the next reference takes direction and threshold from this one. Null: no merge.
    ReferencePointer start_anew{};
    /// The same in every attempt at this target, as the contribution is.
    std::optional<ThresholdSetting> setting{};
};

/// The facts of all contributions: goes with the mean, becomes part of the log's evidence.
struct Certificate {
    Roster roster;
    std::vector<ContributionFacts> facts;  ///< In roster order.
};

/// The outcome of an exchange: the value that this peer may now prepare.
struct ExchangeResult {
    ExchangeKey key;
    Ballot ballot;
    Certificate certificate;
    ReferencePointer value;
};

/// One chunk on its way: header and payload. The payload's owner is kept alive by `keep`.
struct BulkSend {
    PeerId to;
    Message message;  ///< ChunkRequest or Chunk.
    std::span<const std::byte> payload;
    std::shared_ptr<const void> keep;
};

/// The orders and reports of an ExchangeWorker to its driver.
struct ExchangeActions {
    std::vector<BulkSend> sends;
    std::optional<ExchangeResult> done;
    ReferencePointer pulled;           ///< The pull that was asked for is complete and verified.
    std::optional<Error> pull_failed;  ///< Digest wrong: another source must be tried.
    /// Members whose contribution is not finite or contradicts its facts, with the reason.
    std::vector<std::pair<Member, std::string>> unusable;
    /// Members whose own contribution does not come though it is asked for again and again.
    std::vector<Member> stalled;
    /// A chunk that was waited for came in, or another member asked for one for the first time.
    bool progressed = false;
    Instant next_tick = kNever;
};

/// For status and tests.
struct ExchangeCounters {
    std::uint64_t refused = 0;           ///< Requests and chunks that made no sense here and now.
    std::uint64_t repetitions = 0;       ///< Chunks asked for again.
    std::size_t buffered_bytes_max = 0;  ///< The most chunk bytes held at a time.
};

/// The brain of the exchange thread: averages models all-to-all among a settled roster
/// (reduce-scatter, then all-gather), serves references to peers that pull, and pulls. Pure: no
/// socket, clock or thread; one driver at a time calls it. Assumes a network that may lose, repeat
/// and reorder chunks and never corrupts them.
///
/// The vector is cut into one shard per member (exchange_plan.hpp). The owner of a shard asks every
/// member for its chunks of that shard, adds them *in roster order* as soon as it has a chunk of
/// all members, divides by the sum of weights, and gives the mean chunk to each member that asked
/// for it. A request is a credit: nothing is sent that was not asked for, and a member asks another
/// one for at most limits::kChunksInFlightMax chunks at a time. So memory is bounded by members x
/// kChunksInFlightMax x kChunkBytes plus two vectors. Requests and chunks are idempotent; a chunk
/// that did not come within limits::kChunkRetryInterval is asked for again. Bytes sent per peer: 2
/// (K-1)/K x model, plus headers.
class ExchangeWorker {
public:
    /// `shape` bounds everything that peers may send; `rules` make the next reference.
    explicit ExchangeWorker(ReferenceShape shape, const OuterRules& rules = {});
    ~ExchangeWorker();

    /// The reference in force: the base of the next one, and served to any peer that pulls it.
    void set_reference(ReferencePointer reference);
    /// Also served to any peer that pulls it (a prepared value of another peer's round).
    void set_prepared(ReferencePointer prepared);
    /// The frozen model; requests for it are answered while an exchange of its target runs.
    void set_contribution(ContributionPointer contribution);

    /// Starts an exchange; replaces the one in progress. The contribution of its target must be
    /// set. Once done it goes on serving members that are slower, until abort(), the next start(),
    /// or a reference newer than its target.
    void start(ExchangeOrder order, Instant now);
    /// Drops the exchange in progress, if any.
    void abort();

    /// Pulls the reference `wanted` from `source`; replaces the pull in progress, keeping the
    /// chunks that came if the digest is the same.
    void pull(ReferenceId wanted, PeerId source, Instant now);
    void abort_pull();

    void on_chunk_request(PeerId from, const ChunkRequest& request, Instant now);
    void on_chunk(PeerId from, const Chunk& chunk, std::span<const std::byte> payload, Instant now);
    void on_tick(Instant now);

    [[nodiscard]] ExchangeActions take_actions();
    [[nodiscard]] ExchangeCounters counters() const;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::protocol
