#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"
#include "storage/disk.hpp"
#include "storage/file_format.hpp"

namespace dynavg::storage {

/// The records found on disk. A record that is missing has never been written, or was damaged and
/// is named in `events`.
struct Found {
    std::optional<protocol::Promise> promise;
    std::optional<protocol::PreparedRecord> prepared;  ///< Of a later epoch than `reference`.
    protocol::ReferencePointer reference;              ///< The newest that is sound; null: none.
    /// Up to and with the reference's own, sorted by epoch.
    std::vector<protocol::HistoryEntry> history;
    std::optional<protocol::LocalRecord> local;
    protocol::KnownPeers known_peers;
    /// A newer reference than the one found was damaged: the disk may be behind this peer's words
    /// to others.
    bool fell_back = false;
    /// A promise or a prepared value was damaged, or the reference that it became: this peer cannot
    /// know what it has voted for.
    bool forgot = false;
    /// Sound files of another network, or of a later version: they are nobody's to overwrite. Says
    /// where and what to do; then nothing else here holds.
    std::optional<Error> refused;
    /// checkpoint_loaded, and checkpoint_damaged (warning) for each file that was refused.
    std::vector<protocol::Event> events;
};

/// By what networks are compared, as the digest that marks their files.
[[nodiscard]] protocol::Digest digest_of(const protocol::NetworkFields& fields);

/// The files of one peer. Each has a magic, a version, the network's fingerprint and a digest over
/// all of it (file_format.hpp), so that a torn, damaged or foreign file is told from a sound one.
///
/// | File              | Holds                                                                    |
/// |-------------------|--------------------------------------------------------------------------|
/// | network           | whose folder it is, as NetworkFields, for people and for claim()         |
/// | promise           | Promise, twice: two slots of fixed size that are written over in place   |
/// | prepared          | a value that this peer has prepared, with ballot and roster              |
/// | reference-<epoch> | the same, committed: the prepared file renamed, or written if it was     |
/// |                   | pulled; the last kReferencesKept                                         |
/// | history           | digests and rosters up to the newest reference                           |
/// | local-<number>    | LocalRecord, the last kLocalsKept                                        |
/// | peers             | KnownPeers                                                               |
///
/// The promise's slots exist from the first load() on, so that a full disk does not keep a peer
/// from voting; and both are written, one after the other, before it counts as kept: a crash
/// damages at most the one in hand, and a slot that goes bad later costs nothing. For all but
/// the list of peers a full disk gives up the oldest reference or local record, never the newest.
///
/// The daemon calls it on the storage thread, the simulator from its event loop. Not thread-safe.
/// load() comes first.
class CheckpointStore {
public:
    /// Borrowed: `disk`. `network`: digest of all by which networks are compared.
    CheckpointStore(Disk& disk, protocol::ReferenceShape shape, protocol::Digest network);

    /// Makes the folder this network's, if it is new. Else fails, naming each field that differs.
    [[nodiscard]] static Expected<void, Error> claim(Disk& disk,
                                                     const protocol::NetworkFields& fields);
    /// The peer that owns the folder; none if it is new.
    [[nodiscard]] static std::optional<protocol::NetworkFields> owner_of(const Disk& disk);

    [[nodiscard]] Found load();
    /// The newest reference alone, for who reads beside the daemon whose folder it is; writes
    /// nothing. `fell_back` also where a file went away in the midst of it: try again.
    [[nodiscard]] Found load_reference();

    Expected<void, Error> write(const protocol::Promise& promise);
    Expected<void, Error> write(const protocol::PreparedRecord& record);
    Expected<void, Error> write(const protocol::LocalRecord& record);
    Expected<void, Error> write(const protocol::KnownPeers& known);
    /// Makes `reference` the newest: the prepared file is renamed into place if it is the same
    /// value, else the reference is written. The history goes first, so that a reference on disk
    /// always has its own. Older references beyond kReferencesKept are removed, and those of a
    /// later epoch (damaged, or of a past that was given up).
    Expected<void, Error> commit(const protocol::Reference& reference,
                                 const std::vector<protocol::HistoryEntry>& history);

    /// Where the newest of each lies, for logs; empty if there is none.
    [[nodiscard]] std::string promise_path() const;
    [[nodiscard]] std::string prepared_path() const;
    [[nodiscard]] std::string reference_path() const;
    [[nodiscard]] std::string local_path() const;
    [[nodiscard]] std::string peers_path() const;

    static constexpr std::size_t kReferencesKept = 3;
    static constexpr std::size_t kLocalsKept = 2;

private:
    struct Loading;

    void load_promise(Loading& loading);
    void load_references(Loading& loading);
    void load_history(Loading& loading);
    void load_prepared(Loading& loading);
    void load_local(Loading& loading);
    void load_peers(Loading& loading);

    [[nodiscard]] std::size_t bytes_max() const;
    Expected<void, Error> write_file(const std::string& name, FileKind kind, std::uint64_t sequence,
                                     const Parts& payload);
    Expected<void, Error> write_value(const std::string& name, const protocol::Prepared& prepared,
                                      const protocol::Reference& value);
    Expected<void, Error> write_promise_slots(const Bytes& slot, std::uint64_t sequence);
    /// Removes one spare file; false if there is none.
    [[nodiscard]] bool make_room();
    Expected<void, Error> remove_old_references(protocol::Epoch newest);

    Disk& m_disk;
    protocol::ReferenceShape m_shape;
    protocol::Digest m_network;
    std::uint64_t m_promise_sequence = 0;
    bool m_has_promise_slots = false;
    std::optional<protocol::ReferenceId> m_prepared;
    std::optional<protocol::ReferenceId> m_reference;
    std::uint64_t m_local_sequence = 0;
};

}  // namespace dynavg::storage
