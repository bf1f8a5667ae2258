#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/exchange/exchange.hpp"

namespace dynavg::protocol {

/// Chunks on their way to other peers, at most so many bytes per second: a token bucket that may
/// run into debt by one chunk, so that the rate holds over time whatever the size of the chunks.
/// Receivers have their turns, one chunk each; none starves.
/// Others take a peer that sends nothing for broken. So the bound gives way where it would make
/// this peer look so: a member that waits for its part of an exchange gets a chunk at least every
/// limits::kPacedChunkInterval, and while a peer pulls a reference every
/// limits::kPacedReferenceInterval.
///
/// Pure; one thread. Holds at most limits::kPacedChunksPerPeerMax chunks for each receiver, which
/// are views of models that live anyway; a chunk that does not fit is asked for again. Cost of a
/// call: O(log peers), of take() and next_tick() O(peers).
class PacedSends {
public:
    /// 0: no bound.
    void set_rate(std::uint64_t bytes_per_second) { m_rate = bytes_per_second; }
    [[nodiscard]] std::uint64_t rate() const { return m_rate; }

    /// False if it is waiting already or does not fit.
    bool put(BulkSend chunk);
    /// The next one that may go now.
    [[nodiscard]] std::optional<BulkSend> take(Instant now);
    /// When the next one may go; kNever if none waits.
    [[nodiscard]] Instant next_tick(Instant now);

    /// The exchange in progress is over: its waiting chunks are of no use any more.
    void drop_exchange();
    void drop_peer(const PeerId& peer) { m_waiting.erase(peer); }
    [[nodiscard]] std::size_t waiting() const;

private:
    using Queue = std::deque<BulkSend>;

    void refill(Instant now);
    [[nodiscard]] double bytes_per_second() const;

    std::uint64_t m_rate = 0;
    std::map<PeerId, Queue> m_waiting;  ///< Without empty queues.
    PeerId m_last_served{};
    double m_tokens = 0;  ///< Bytes; below zero: debt.
    Instant m_refilled{};
};

}  // namespace dynavg::protocol
