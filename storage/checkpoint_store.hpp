#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/durable.hpp"
#include "protocol/event.hpp"
#include "protocol/expected.hpp"
#include "protocol/reference.hpp"
#include "storage/disk.hpp"

namespace dynavg::storage {

/// What was found on disk. Whatever is missing has never been written, or was damaged and is named
/// in `events`.
struct Found {
    std::optional<protocol::Promise> promise;
    std::optional<protocol::PreparedRecord> prepared;
    protocol::ReferencePointer reference;  ///< The newest that is sound; null: none.
    /// Up to and with the reference's own, sorted by epoch.
    std::vector<protocol::HistoryEntry> history;
    std::optional<protocol::LocalRecord> local;
    /// A newer reference than the one found was damaged: what is on disk may be behind what this
    /// peer has told others.
    bool fell_back = false;
    /// checkpoint_loaded, and checkpoint_damaged (warning) for each file that was refused.
    std::vector<protocol::Event> events;
};

/// The files of one peer: promise, prepared value, the last references with their history, local
/// training. Each has a magic, a version, the network's fingerprint and a digest over all of it, so
/// that a torn, damaged or foreign file is told from a sound one. The daemon calls it on the
/// storage thread, the simulator from its event loop. Not thread-safe.
class CheckpointStore {
public:
    /// Borrowed: `disk`. `network`: digest of all by which networks are compared.
    CheckpointStore(Disk& disk, protocol::ReferenceShape shape, protocol::Digest network);

    [[nodiscard]] Found load();

    Expected<void, Error> write(const protocol::Promise& promise);
    Expected<void, Error> write(const protocol::PreparedRecord& record);
    Expected<void, Error> write(const protocol::LocalRecord& record);
    /// Makes `reference` the newest: the prepared file is renamed into place if it is the same
    /// value, else the reference is written. The history goes first, so that a reference on disk
    /// always has its own. Older references beyond kReferencesKept are removed.
    Expected<void, Error> commit(const protocol::Reference& reference,
                                 const std::vector<protocol::HistoryEntry>& history);

    static constexpr std::size_t kReferencesKept = 3;

private:
    Disk& m_disk;
    protocol::ReferenceShape m_shape;
    protocol::Digest m_network;
};

}  // namespace dynavg::storage
