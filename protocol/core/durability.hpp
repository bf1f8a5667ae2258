#pragma once

#include <cstdint>
#include <optional>
#include <set>

#include "protocol/base/ids.hpp"
#include "protocol/round/electorate.hpp"
#include "protocol/wire/durable.hpp"

namespace dynavg::protocol {

/// Whether the shell keeps promises on disk. Without a disk each record counts as written at once,
/// and a restarted peer must not vote again.
enum class Disk : std::uint8_t { none, kept };

/// The memory of a peer: its promise, and the value that it is prepared for
/// (docs/protocol.md, "Promises on disk"). It answers one question, may_speak_in(): a peer says
/// nothing in an attempt before its promise is on disk, and announces no prepared value before the
/// value is on disk. It writes nothing: the caller writes the records that it returns, and reports
/// that with on_promise_written() and on_prepared_written().
///
/// A promise is *ordered* -> *written*: only then may the peer speak. A newer order replaces an
/// older one. A prepared value is *on its way* (preparing()) -> *written*, or it is dropped where
/// the round that it belongs to has gone on.
class Durability {
public:
    Durability(const Member& self, Disk disk);

    /// The records that an earlier life of this peer has left on disk.
    void restore(const Promise& promise, std::optional<PreparedRecord> prepared);

    /// The promise as it is on disk.
    [[nodiscard]] const Promise& promise() const { return m_promise; }
    /// This peer as a voter, with the first life whose promises it still knows.
    [[nodiscard]] Voter self() const { return {m_self, m_promise.remembers}; }
    [[nodiscard]] bool has_disk() const { return m_disk == Disk::kept; }
    /// This life has promised this attempt.
    [[nodiscard]] bool may_speak_in(Epoch target, Attempt attempt) const;
    /// The attempt in which this life may join one that is called as `asked`: after a restart it is
    /// above the attempts of the earlier life.
    [[nodiscard]] Attempt attempt_above_earlier_life(Epoch target, Attempt asked) const;

    /// The promise to write before this peer speaks in an attempt at `target`, and before it stops
    /// counting the votes of `departed`. No attempt: the peer is in no round, and its promise for
    /// this target holds on. Nothing is returned without a disk: the promise is made at once.
    [[nodiscard]] std::optional<Promise> order_promise(Epoch target, std::optional<Attempt> attempt,
                                                       const std::set<PeerId>& departed);
    void on_promise_written(const Promise& promise) { m_promise = promise; }

    /// The value that is to be written before this peer announces it.
    [[nodiscard]] PreparedRecord order_prepared(PreparedRecord record);
    /// The record that has been ordered and not been reported yet.
    [[nodiscard]] const std::optional<PreparedRecord>& preparing() const { return m_preparing; }
    /// The record that this completes, if it is the one that was ordered last.
    [[nodiscard]] std::optional<PreparedRecord> on_prepared_written(const Prepared& prepared);
    /// The round has gone on: a record on its way to the disk counts for nothing any more.
    void drop_preparing() { m_preparing.reset(); }
    /// The value that an earlier life had prepared for this target; nullptr: none.
    [[nodiscard]] const PreparedRecord* prepared_before(Epoch target) const;

    /// Another reference is in force: nothing that was prepared matters any more.
    void on_reference();

private:
    Member m_self;
    Disk m_disk;
    Promise m_promise;                                ///< As it is on disk.
    std::optional<PreparedRecord> m_preparing;        ///< On its way to the disk.
    std::optional<PreparedRecord> m_prepared_before;  ///< By an earlier life.
};

}  // namespace dynavg::protocol
