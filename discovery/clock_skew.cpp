#include "discovery/clock_skew.hpp"

#include <algorithm>

namespace dynavg::discovery {

namespace {

/// Until the year 287396. A later time from a peer is a lie, and must not overflow our arithmetic.
constexpr std::uint64_t kUnixMsMax = std::uint64_t{1} << 53U;

}  // namespace

ClockOffset offset_between(std::uint64_t theirs_ms, std::uint64_t ours_ms) {
    return static_cast<ClockOffset>(std::min(theirs_ms, kUnixMsMax)) -
           static_cast<ClockOffset>(std::min(ours_ms, kUnixMsMax));
}

void PeerClock::on_heard(std::uint64_t theirs_ms, std::uint64_t ours_ms) {
    m_last[m_count++ % kSamples] = offset_between(theirs_ms, ours_ms);
}

std::optional<ClockOffset> PeerClock::offset() const {
    if (m_count == 0) return std::nullopt;
    const auto known = static_cast<std::ptrdiff_t>(std::min(m_count, kSamples));
    return *std::max_element(m_last.begin(), m_last.begin() + known);
}

std::optional<ClockOffset> clock_skew(std::vector<ClockOffset> of_peers) {
    if (of_peers.empty()) return std::nullopt;
    of_peers.push_back(0);
    std::sort(of_peers.begin(), of_peers.end());
    const ClockOffset below = of_peers[(of_peers.size() - 1) / 2];
    const ClockOffset above = of_peers[of_peers.size() / 2];
    return -below > above ? below : above;
}

}  // namespace dynavg::discovery
