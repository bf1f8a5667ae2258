#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "control/round_replies.hpp"
#include "protocol/base/event.hpp"
#include "protocol/base/ids.hpp"

namespace dynavg::daemon {

/// How rounds have ended here, in this life.
struct RoundCounts {
    std::uint64_t committed = 0;
    std::uint64_t incomplete = 0;  ///< Of these: without a peer that was expected.
    std::uint64_t adopted = 0;     ///< They went on without this node.
    std::uint64_t restarted = 0;   ///< Attempts that were begun anew.
    double seconds = 0;            ///< All that were committed, from their call on.
};

/// The rounds that the log has told of, for `dynavg rounds` and the metrics: the last
/// control::kRoundsKept of them, and how many of each kind. One thread.
class RoundLog {
public:
    /// Events that tell nothing of a round are ignored. `epoch`: of the reference in force.
    void note(const protocol::Event& event, protocol::Epoch epoch, std::uint64_t unix_ms);
    /// The last ones, oldest first.
    [[nodiscard]] control::RoundsReply last(std::size_t count) const;
    [[nodiscard]] const RoundCounts& counts() const { return m_counts; }

private:
    std::deque<control::RoundRecord> m_rounds;
    RoundCounts m_counts;
};

}  // namespace dynavg::daemon
