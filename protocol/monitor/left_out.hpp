#pragma once

#include <map>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"

namespace dynavg::protocol {

/// Peers that rounds leave out one after the other, though they are live and hold the reference:
/// they sit behind broken links. Their drift stays and grows, and would call round after round in
/// vain: so it counts only now and then, in case that the link is back. Bounded by the peers.
class LeftOut {
public:
    /// A round over `roster` was committed; these were its candidates.
    void on_commit(const Roster& candidates, const Roster& roster, Instant now);
    template <class Keeps>
    void keep_only(Keeps keeps) {
        std::erase_if(m_peers, [&keeps](const auto& entry) { return !keeps(entry.first); });
    }

    /// Whether this peer's drift is no reason for a round now.
    [[nodiscard]] bool holds(const PeerId& peer, Instant now) const;

private:
    struct Record {
        unsigned times = 0;  ///< In a row.
        Instant last;
    };
    std::map<PeerId, Record> m_peers;
};

}  // namespace dynavg::protocol
