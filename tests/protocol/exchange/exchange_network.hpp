#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/random.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/wire/codec.hpp"

namespace dynavg::protocol::test {

/// The network's faults for each message, besides the way through the wire codec.
struct Conditions {
    double loss = 0;
    double repetition = 0;
    Duration delay_min = std::chrono::microseconds(200);
    Duration delay_max = std::chrono::milliseconds(2);  ///< Random in between: reorders.
};

/// One worker with what came out of it.
struct Peer {
    Member member;
    ExchangeWorker worker;
    ContributionPointer contribution{};
    std::optional<ThresholdSetting> setting{};  ///< Goes with it.
    std::optional<ExchangeResult> done{};
    ReferencePointer pulled{};
    std::optional<Error> pull_failed{};
    std::vector<std::pair<Member, std::string>> unusable{};
    std::uint64_t bytes_sent = 0;
    std::map<std::string, int> messages_sent{};
    Instant next_tick = kNever;
};

/// Workers connected by a seeded in-process network in virtual time.
class ExchangeNetwork {
public:
    ExchangeNetwork(ReferenceShape shape, std::size_t peers, std::uint64_t seed,
                    Conditions conditions = {}, const OuterRules& rules = {});

    [[nodiscard]] std::size_t size() const { return m_peers.size(); }
    Peer& operator[](std::size_t index) { return *m_peers[index]; }
    [[nodiscard]] const ReferencePointer& reference() const { return m_reference; }
    [[nodiscard]] Instant now() const { return m_now; }
    Conditions& conditions() { return m_conditions; }

    /// The first `members` peers, or those named.
    [[nodiscard]] Roster roster(std::size_t members) const;
    [[nodiscard]] Roster roster(const std::vector<std::size_t>& indices) const;

    /// Freezes a random model near the reference, with honest facts.
    void contribute(std::size_t index, float weight = 1);
    /// Gives peer `index` this model to contribute.
    void contribute(std::size_t index, Contribution contribution);
    /// `start_anew`: as in ExchangeOrder; a merge.
    void start(std::size_t index, const Roster& roster, Attempt attempt = Attempt(1),
               ReferencePointer start_anew = nullptr);
    /// Hands over actions after a direct call to a peer's worker.
    void collect(std::size_t index);
    /// Until nothing is under way and nobody waits, or for so long.
    void run(Duration duration = std::chrono::minutes(2));

    /// The plain mean of these peers' models, and the reference that follows from it.
    [[nodiscard]] ReferencePointer expected(const Roster& roster) const;
    [[nodiscard]] bool all_done(const Roster& roster) const;

private:
    struct Flight {
        Instant at;
        std::uint64_t number;
        std::size_t from;
        std::size_t to;
        wire::Bytes bytes;
        std::span<const std::byte> payload;
        std::shared_ptr<const void> keep;
        Digest payload_digest;
        bool operator<(const Flight& other) const {
            return std::pair(at, number) > std::pair(other.at, other.number);
        }
    };
    [[nodiscard]] std::size_t index_of(PeerId id) const;
    void send(std::size_t from, const BulkSend& bulk);
    void deliver(const Flight& flight);

    ReferenceShape m_shape;
    ReferencePointer m_reference;
    std::uint64_t m_seed;
    Conditions m_conditions;
    RandomStream m_random;
    Instant m_now = Instant{} + std::chrono::hours(1);
    std::vector<std::unique_ptr<Peer>> m_peers;
    std::priority_queue<Flight> m_flights;
    std::uint64_t m_flights_so_far = 0;
};

[[nodiscard]] std::vector<float> random_values(std::size_t count, std::uint64_t seed,
                                               std::uint32_t stream);
[[nodiscard]] ExchangeKey exchange_key(const Roster& roster, Attempt attempt);
/// The mean bound of the design: 2 (K-1)/K of the model, 1 % and 4 KB.
[[nodiscard]] double bytes_bound(std::size_t values, std::size_t members);

}  // namespace dynavg::protocol::test
