#include "protocol/exchange/pending_requests.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

void PendingRequests::keep(PeerId from, const ChunkRequest& request) {
    if (!m_requests.contains(from) && m_requests.size() >= limits::kPeersMax) return;
    std::deque<ChunkRequest>& requests = m_requests[from];
    const auto same = std::find(requests.begin(), requests.end(), request);
    if (same != requests.end()) requests.erase(same);
    requests.push_back(request);
    if (requests.size() > limits::kPendingRequestsPerPeerMax) requests.pop_front();
}

std::vector<std::pair<PeerId, ChunkRequest>> PendingRequests::take(const Digest& key) {
    std::vector<std::pair<PeerId, ChunkRequest>> taken;
    for (auto peer = m_requests.begin(); peer != m_requests.end();) {
        std::deque<ChunkRequest>& requests = peer->second;
        for (const ChunkRequest& request : requests) {
            if (request.transfer.key == key) taken.emplace_back(peer->first, request);
        }
        std::erase_if(requests,
                      [&key](const ChunkRequest& request) { return request.transfer.key == key; });
        peer = requests.empty() ? m_requests.erase(peer) : std::next(peer);
    }
    return taken;
}

}  // namespace dynavg::protocol
