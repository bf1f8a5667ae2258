#pragma once

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// Requests for exchanges that have not started here yet: others may be quicker. Bounded by
/// limits::kPeersMax peers and limits::kPendingRequestsPerPeerMax requests of each, of which the
/// latest are kept.
class PendingRequests {
public:
    void keep(PeerId from, const ChunkRequest& request);
    /// Takes out those of one exchange (TransferId::key).
    [[nodiscard]] std::vector<std::pair<PeerId, ChunkRequest>> take(const Digest& key);

private:
    std::map<PeerId, std::deque<ChunkRequest>> m_requests;
};

}  // namespace dynavg::protocol
