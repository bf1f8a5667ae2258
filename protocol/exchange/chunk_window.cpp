#include "protocol/exchange/chunk_window.hpp"

#include <algorithm>

#include "protocol/base/check.hpp"
#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

namespace {

Duration bounded(Duration interval) {
    return std::clamp(interval, limits::kChunkRetryInterval, limits::kChunkRetryIntervalMax);
}

}  // namespace

std::vector<ChunkWindow::Range> ChunkWindow::ask(std::uint32_t end, Instant now) {
    std::vector<std::uint32_t> indices;
    const bool overdue = now >= deadline();
    for (Asked& asked : m_asked) {
        if (now < asked.alive_at || now - asked.alive_at < bounded(m_interval)) continue;
        asked.asked_at = asked.alive_at = now;
        asked.repeated = true;
        ++m_repetitions;
        indices.push_back(asked.index);
    }
    if (overdue) m_interval = bounded(2 * bounded(m_interval));
    while (m_next < std::min(end, m_chunks) && m_asked.size() < limits::kChunksInFlightMax) {
        m_asked.push_back({m_next, now, now, false});
        indices.push_back(m_next);
        ++m_next;
    }
    std::sort(indices.begin(), indices.end());
    std::vector<Range> ranges;
    for (const std::uint32_t index : indices) {
        if (!ranges.empty() && ranges.back().first + ranges.back().count == index) {
            ++ranges.back().count;
        } else {
            ranges.push_back({index, 1});
        }
    }
    return ranges;
}

bool ChunkWindow::waits_for(std::uint32_t index) const {
    return std::any_of(m_asked.begin(), m_asked.end(),
                       [index](const Asked& asked) { return asked.index == index; });
}

void ChunkWindow::arrived(std::uint32_t index, Instant now) {
    const auto found = std::find_if(m_asked.begin(), m_asked.end(),
                                    [index](const Asked& asked) { return asked.index == index; });
    DYNAVG_CHECK(found != m_asked.end());
    const Asked came = *found;
    m_asked.erase(found);
    // A repeated one does not tell which request it answers (Karn's rule).
    if (!came.repeated) m_interval = bounded(2 * (now - came.asked_at));
    // A chunk that was asked for earlier and is not here by now is probably lost.
    for (Asked& asked : m_asked) {
        if (asked.asked_at >= came.asked_at) asked.alive_at = now;
    }
}

void ChunkWindow::restart() {
    m_interval = {};
    for (Asked& asked : m_asked) {
        asked.asked_at = asked.alive_at = Instant{} - limits::kChunkRetryIntervalMax;
        asked.repeated = true;
    }
}

Instant ChunkWindow::deadline() const {
    Instant earliest = kNever;
    for (const Asked& asked : m_asked) {
        earliest = std::min(earliest, asked.alive_at + bounded(m_interval));
    }
    return earliest;
}

}  // namespace dynavg::protocol
