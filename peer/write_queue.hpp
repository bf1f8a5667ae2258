#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>
#include <variant>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "storage/checkpoint_store.hpp"

namespace dynavg::peer {

/// An installed reference, with the history up to it.
struct Commit {
    protocol::ReferencePointer reference;
    std::vector<protocol::HistoryEntry> history;
};

/// Takes the copy of local training that is to be written; called by the thread that writes.
using CopyTraining = std::function<protocol::LocalRecord()>;

/// One thing to be kept on disk.
using Write = std::variant<Commit, protocol::Promise, protocol::PreparedRecord, CopyTraining,
                           protocol::LocalRecord, protocol::KnownPeers>;

/// The kinds of writes, in the order in which they go to disk. Copy and record of local training
/// are two turns: a reference that was installed while the copy was taken goes in between.
enum class WriteKind : std::uint8_t {
    reference,
    promise,
    prepared,
    copy_of_training,
    training,
    known_peers,
};
inline constexpr std::size_t kWriteKinds = 6;

[[nodiscard]] WriteKind kind_of(const Write& write);
/// For people: "prepared value".
[[nodiscard]] std::string_view name_of(WriteKind kind);
/// Writes it, now. A copy of training is none of these: take it first.
[[nodiscard]] Expected<void, Error> write_to(storage::CheckpointStore& store, const Write& write);

/// The writes that wait for the disk, in the order in which they go there. The daemon's storage
/// thread and the simulated peer carry out the writes that this queue hands out, one at a time.
///
/// Rules:
/// - One of each kind waits at most. A newer one takes its place.
/// - WriteKind is the order. Nothing goes to disk before a reference that waits: promises, prepared
///   values and drift are on top of it, and make no sense without it.
/// - A write that failed waits for kRetryInterval and is handed out again. Meanwhile it holds back
///   no other write, unless it is a reference: a full disk does not keep a peer from promising.
/// - A prepared value that is not newer than the last reference is dropped: the rules have no use
///   for it, and a restart would take it for the value of a round that is over.
///
/// Not thread-safe. Cost: constant.
class WriteQueue {
public:
    static constexpr protocol::Duration kRetryInterval = std::chrono::seconds(1);

    void put(Write write);
    /// The first that may be written now; the caller writes it, and calls failed() if it could not.
    [[nodiscard]] std::optional<Write> take(protocol::Instant now);
    void failed(Write write, protocol::Instant now);
    /// When there may be one to take; none: nothing waits.
    [[nodiscard]] std::optional<protocol::Instant> due() const;
    /// At the end of a life: all that waits, in order, due or not. Orders for a copy that was not
    /// taken are left out.
    [[nodiscard]] std::vector<Write> take_rest();

private:
    struct Waiting {
        Write write;
        protocol::Instant due;
    };
    using Place = std::optional<Waiting>;

    [[nodiscard]] Place& place_of(WriteKind kind) {
        return m_waiting[static_cast<std::size_t>(kind)];
    }
    [[nodiscard]] const Place& place_of(WriteKind kind) const {
        return m_waiting[static_cast<std::size_t>(kind)];
    }
    void drop_prepared_if_old();

    std::array<Place, kWriteKinds> m_waiting;  ///< By WriteKind.
    protocol::Epoch m_last_reference;          ///< That was put last, written or not.
};

}  // namespace dynavg::peer
