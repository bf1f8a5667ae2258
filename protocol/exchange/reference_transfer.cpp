#include "protocol/exchange/reference_transfer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "protocol/base/limits.hpp"
#include "protocol/exchange/exchange_plan.hpp"

namespace dynavg::protocol {

bool ReferenceServer::on_request(PeerId from, const ChunkRequest& request,
                                 ExchangeActions& actions) {
    Served* served = find(request.transfer.key);
    if (served == nullptr || request.transfer.shard != 0) return false;
    if (served->bytes == nullptr) {
        served->bytes =
            std::make_shared<const std::vector<std::byte>>(encode_reference(*served->reference));
    }
    const std::uint32_t chunks = chunk_count(served->bytes->size());
    if (request.first >= chunks) return false;
    const std::uint32_t count =
        std::min({request.count, limits::kChunksInFlightMax, chunks - request.first});
    for (std::uint32_t index = request.first; index < request.first + count; ++index) {
        const ByteRange range = chunk_range(served->bytes->size(), index);
        actions.sends.push_back({from, Chunk{request.transfer, index, {}},
                                 std::span(*served->bytes).subspan(range.first, range.count),
                                 served->bytes});
    }
    return true;
}

/// A reference that no peer pulled is not kept: it would double the memory for nothing.
void ReferenceServer::set_current(ReferencePointer reference) {
    if (m_current.reference == reference) return;
    m_previous = m_current.bytes != nullptr ? std::exchange(m_current, {}) : Served{};
    set(m_current, std::move(reference));
}

void ReferenceServer::set(Served& served, ReferencePointer reference) {
    if (served.reference == reference) return;
    served = {std::move(reference), nullptr};
}

ReferenceServer::Served* ReferenceServer::find(const Digest& digest) {
    for (Served* served : {&m_current, &m_prepared, &m_previous}) {
        if (served->reference != nullptr && served->reference->id.digest == digest) return served;
    }
    return nullptr;
}

ReferencePull::ReferencePull(ReferenceShape shape, ReferenceId wanted, PeerId source)
    : m_shape(shape),
      m_wanted(wanted),
      m_source(source),
      m_window(chunk_count(shape.encoded_bytes())),
      m_bytes(shape.encoded_bytes()) {}

void ReferencePull::change_source(PeerId source) {
    if (source == m_source) return;
    m_source = source;
    m_window.restart();
}

void ReferencePull::ask(Instant now, ExchangeActions& actions) {
    const TransferId transfer{TransferKind::reference, m_wanted.digest, 0};
    for (const auto range : m_window.ask(m_window.chunks(), now)) {
        actions.sends.push_back(
            {m_source, ChunkRequest{transfer, range.first, range.count}, {}, nullptr});
    }
}

bool ReferencePull::on_chunk(PeerId from, const Chunk& chunk, std::span<const std::byte> payload,
                             Instant now, ExchangeActions& actions) {
    if (from != m_source || chunk.transfer.key != m_wanted.digest || chunk.transfer.shard != 0 ||
        chunk.index >= m_window.chunks()) {
        return false;
    }
    const ByteRange range = chunk_range(m_bytes.size(), chunk.index);
    if (payload.size() != range.count) return false;
    if (!m_window.waits_for(chunk.index)) return true;
    m_window.arrived(chunk.index, now);
    actions.progressed = true;
    std::memcpy(m_bytes.data() + range.first, payload.data(), payload.size());
    if (!m_window.complete()) {
        ask(now, actions);
        return true;
    }
    m_finished = true;
    auto decoded = decode_reference(m_bytes, m_shape, m_wanted);
    if (decoded) {
        actions.pulled = std::move(*decoded);
    } else {
        actions.pull_failed = std::move(decoded.error());
    }
    return true;
}

}  // namespace dynavg::protocol
