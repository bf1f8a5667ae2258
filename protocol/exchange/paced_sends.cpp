#include "protocol/exchange/paced_sends.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "protocol/base/limits.hpp"

namespace dynavg::protocol {

namespace {

using Seconds = std::chrono::duration<double>;

/// The bytes that may go at once after a pause.
constexpr Seconds kBurst{0.1};
/// Header of a chunk, and the headers that the layers below add to it.
constexpr double kOverheadBytes = 128;

double bytes_of(const BulkSend& chunk) {
    return kOverheadBytes + static_cast<double>(chunk.payload.size());
}

const Chunk* chunk_of(const BulkSend& send) {
    return std::get_if<Chunk>(&send.message);
}

bool is_of_reference(const BulkSend& send) {
    const Chunk* chunk = chunk_of(send);
    return chunk != nullptr && chunk->transfer.kind == TransferKind::reference;
}

bool is_same(const BulkSend& one, const BulkSend& other) {
    const Chunk* a = chunk_of(one);
    const Chunk* b = chunk_of(other);
    return a != nullptr && b != nullptr && a->transfer == b->transfer && a->index == b->index;
}

}  // namespace

bool PacedSends::put(BulkSend chunk) {
    Queue& queue = m_waiting[chunk.to];
    const bool known = std::any_of(queue.begin(), queue.end(), [&chunk](const BulkSend& waiting) {
        return is_same(waiting, chunk);
    });
    if (known || queue.size() >= limits::kPacedChunksPerPeerMax) return false;
    queue.push_back(std::move(chunk));
    return true;
}

std::optional<BulkSend> PacedSends::take(Instant now) {
    refill(now);
    if (m_waiting.empty() || (m_rate > 0 && m_tokens < 0)) return std::nullopt;
    auto next = m_waiting.upper_bound(m_last_served);
    if (next == m_waiting.end()) next = m_waiting.begin();
    m_last_served = next->first;
    BulkSend chunk = std::move(next->second.front());
    next->second.pop_front();
    if (next->second.empty()) m_waiting.erase(next);
    m_tokens -= bytes_of(chunk);
    return chunk;
}

Instant PacedSends::next_tick(Instant now) {
    refill(now);
    if (m_waiting.empty()) return kNever;
    if (m_rate == 0 || m_tokens >= 0) return now;
    // Rounded up, else the timer would be there a moment too early.
    const double seconds = -m_tokens / bytes_per_second();
    return now + std::chrono::ceil<Duration>(Seconds(seconds));
}

void PacedSends::drop_exchange() {
    for (auto& [peer, queue] : m_waiting) {
        std::erase_if(queue, [](const BulkSend& send) { return !is_of_reference(send); });
    }
    std::erase_if(m_waiting, [](const auto& entry) { return entry.second.empty(); });
}

std::size_t PacedSends::waiting() const {
    std::size_t count = 0;
    for (const auto& [peer, queue] : m_waiting) count += queue.size();
    return count;
}

void PacedSends::refill(Instant now) {
    const Seconds passed = now - std::exchange(m_refilled, now);
    const double rate = bytes_per_second();
    m_tokens = std::min(m_tokens + rate * passed.count(), rate * kBurst.count());
}

/// The bound, or what those that wait need.
double PacedSends::bytes_per_second() const {
    double first_ones = 0;
    Duration patience = limits::kPacedChunkInterval;
    for (const auto& [peer, queue] : m_waiting) {
        first_ones += bytes_of(queue.front());
        if (is_of_reference(queue.front())) patience = limits::kPacedReferenceInterval;
    }
    return std::max(static_cast<double>(m_rate), first_ones / Seconds(patience).count());
}

}  // namespace dynavg::protocol
