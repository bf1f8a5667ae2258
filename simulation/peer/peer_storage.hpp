#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "peer/write_queue.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"
#include "simulation/peer/sim_disk.hpp"
#include "storage/checkpoint_store.hpp"

namespace dynavg::simulation {

/// The reports of the storage thread, in virtual time.
struct PeerStorageHandlers {
    std::function<void(const protocol::Promise&)> on_promise;
    std::function<void(const protocol::Prepared&)> on_prepared;
    std::function<void(const peer::Write&)> on_writing;  ///< The disk begins with it.
    std::function<void(const peer::Write&)> on_written;  ///< Of every kind; before the two above.
    /// Calls back after so long, in this life.
    std::function<void(protocol::Duration, std::function<void()>)> later;
    std::function<protocol::Instant()> now;  ///< By this peer's clock.
};

/// The storage thread of one life of a simulated peer: writes what a peer::WriteQueue hands out,
/// one at a time.
class PeerStorage {
public:
    /// Each write takes up to `write_time_max`. The disk is borrowed.
    PeerStorage(SimDisk& disk, protocol::ReferenceShape shape, protocol::Digest network,
                protocol::Duration write_time_max, protocol::RandomStream random,
                PeerStorageHandlers handlers);

    [[nodiscard]] storage::Found load() { return m_store.load(); }
    void write(peer::Write write);
    /// Writes what waits, once, then this; nothing after it.
    void finish_all(std::optional<protocol::LocalRecord> record);
    /// The power fails. A write in progress is done, or not, or in parts.
    void crash(PowerLoss loss);

private:
    void begin_next();
    void await_next();
    void finish();
    void report(const peer::Write& write);

    SimDisk& m_disk;
    storage::CheckpointStore m_store;
    protocol::Duration m_write_time_max;
    protocol::RandomStream m_random;
    PeerStorageHandlers m_handlers;
    peer::WriteQueue m_queue;
    std::optional<peer::Write> m_writing;
    bool m_ended = false;  ///< The life is over: an input that was under way then begins no write.
    std::optional<protocol::Instant> m_awaited;  ///< When the queue is looked at again.
};

}  // namespace dynavg::simulation
