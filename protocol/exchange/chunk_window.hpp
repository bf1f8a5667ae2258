#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "protocol/base/instant.hpp"

namespace dynavg::protocol {

/// The receiver's side of one transfer: which of its chunks came, which are asked for, and which to
/// ask for next. Grants at most limits::kChunksInFlightMax chunks of credit, and asks again for a
/// chunk that does not come. The interval for that starts at limits::kChunkRetryInterval and
/// follows the link: twice the last chunk's time, doubled at each repetition, so that a slow link
/// is not clogged.
class ChunkWindow {
public:
    struct Range {
        std::uint32_t first = 0;
        std::uint32_t count = 0;
        bool operator==(const Range&) const = default;
    };

    explicit ChunkWindow(std::uint32_t chunks) : m_chunks(chunks) {}

    /// The chunks to ask for now: those below `end` that were never asked for, as far as the credit
    /// goes, and those overdue.
    [[nodiscard]] std::vector<Range> ask(std::uint32_t end, Instant now);
    [[nodiscard]] bool waits_for(std::uint32_t index) const;
    /// To be called only for a chunk that waits_for() names.
    void arrived(std::uint32_t index, Instant now);
    /// Another source takes over: all chunks asked for are due to be asked for again at once.
    void restart();

    [[nodiscard]] bool complete() const { return m_next == m_chunks && m_asked.empty(); }
    [[nodiscard]] std::uint32_t chunks() const { return m_chunks; }
    /// When ask() has something to repeat; kNever if nothing is outstanding.
    [[nodiscard]] Instant deadline() const;
    [[nodiscard]] std::uint64_t repetitions() const { return m_repetitions; }

private:
    struct Asked {
        std::uint32_t index;
        Instant asked_at;
        /// Last sign that the chunks asked for at that time are on their way.
        Instant alive_at;
        bool repeated;
    };

    std::uint32_t m_chunks;
    std::uint32_t m_next = 0;  ///< The first one that was never asked for.
    std::vector<Asked> m_asked;
    Duration m_interval{};
    std::uint64_t m_repetitions = 0;
};

}  // namespace dynavg::protocol
