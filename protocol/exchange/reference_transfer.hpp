#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/exchange/chunk_window.hpp"
#include "protocol/exchange/exchange.hpp"

namespace dynavg::protocol {

/// Gives chunks of the references that this peer holds to any peer that asks: the one in force, the
/// one before it, for pulls that a round overtook, and a prepared one. Encodes one when it is first
/// asked for, and keeps the bytes as long as the reference is served.
class ReferenceServer {
public:
    /// In force, and prepared; either may be null.
    void set_current(ReferencePointer reference);
    void set_prepared(ReferencePointer reference) { set(m_prepared, std::move(reference)); }

    /// False: refused, the reference is not held here or has no such chunk.
    bool on_request(PeerId from, const ChunkRequest& request, ExchangeActions& actions);

private:
    struct Served {
        ReferencePointer reference;
        std::shared_ptr<const std::vector<std::byte>> bytes;
    };
    static void set(Served& served, ReferencePointer reference);
    [[nodiscard]] Served* find(const Digest& digest);

    Served m_current;
    Served m_previous;  ///< Only while it was pulled when it was in force.
    Served m_prepared;
};

/// Fetches one reference from one source at a time, and verifies its digest.
class ReferencePull {
public:
    ReferencePull(ReferenceShape shape, ReferenceId wanted, PeerId source);

    [[nodiscard]] const ReferenceId& wanted() const { return m_wanted; }
    [[nodiscard]] bool finished() const { return m_finished; }
    /// Keeps the chunks that came: the digest says whether they fit together.
    void change_source(PeerId source);

    void ask(Instant now, ExchangeActions& actions);
    /// False: refused, not from the source or of a wrong size.
    bool on_chunk(PeerId from, const Chunk& chunk, std::span<const std::byte> payload, Instant now,
                  ExchangeActions& actions);
    [[nodiscard]] Instant next_tick() const { return m_window.deadline(); }

private:
    ReferenceShape m_shape;
    ReferenceId m_wanted;
    PeerId m_source;
    ChunkWindow m_window;
    std::vector<std::byte> m_bytes;
    bool m_finished = false;
};

}  // namespace dynavg::protocol
