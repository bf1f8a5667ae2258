#pragma once

#include <map>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"

namespace dynavg::protocol {

/// How many rounds in a row each peer has missed, though it was live and held the reference: such a
/// peer sits behind a broken link. Its drift stays and grows, and would call round after round in
/// vain. So that drift counts only once per limits::kMissedRoundsRetryInterval, in case the link is
/// back. Memory: one record per peer.
class MissedRounds {
public:
    /// A round over `roster` was committed; these were its candidates.
    void on_commit(const Roster& candidates, const Roster& roster, Instant now);
    template <class Keeps>
    void keep_only(Keeps keeps) {
        std::erase_if(m_peers, [&keeps](const auto& entry) { return !keeps(entry.first); });
    }

    /// Whether this peer's drift is no reason for a round now.
    [[nodiscard]] bool ignores_drift_of(const PeerId& peer, Instant now) const;

private:
    struct Record {
        unsigned times = 0;  ///< In a row.
        Instant last;
    };
    std::map<PeerId, Record> m_peers;
};

}  // namespace dynavg::protocol
