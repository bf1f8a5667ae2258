#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <variant>
#include <vector>

#include "protocol/reference/reference.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"
#include "simulation/peer/sim_disk.hpp"
#include "storage/checkpoint_store.hpp"

namespace dynavg::simulation {

/// What the storage thread reports, in virtual time.
struct PeerStorageHandlers {
    std::function<void(const protocol::Promise&)> on_promise;
    std::function<void(const protocol::Prepared&)> on_prepared;
    std::function<void(const protocol::LocalRecord&)> on_local;
    /// Calls back after so long, in this life.
    std::function<void(protocol::Duration, std::function<void()>)> later;
};

/// The storage thread of one life of a simulated peer. One write at a time, and of what waits the
/// reference goes first, then the promise, then the prepared value, then local training: nothing is
/// promised on top of a reference that is not on disk. A newer order replaces one of its kind that
/// waits. What fails is tried again every second.
class PeerStorage {
public:
    /// Each write takes up to `write_time_max`. The disk is borrowed.
    PeerStorage(SimDisk& disk, protocol::ReferenceShape shape, protocol::Digest network,
                protocol::Duration write_time_max, protocol::RandomStream random,
                PeerStorageHandlers handlers);

    [[nodiscard]] storage::Found load() { return m_store.load(); }
    void commit(protocol::ReferencePointer reference, std::vector<protocol::HistoryEntry> history);
    void write(const protocol::Promise& promise);
    void write(const protocol::PreparedRecord& record);
    void write(protocol::LocalRecord record);
    void write(protocol::KnownPeers known);
    /// Writes what waits, once, then this; nothing after it.
    void finish_all(std::optional<protocol::LocalRecord> record);
    /// The power fails. What is being written is done, or not, or in parts.
    void crash(PowerLoss loss);

private:
    struct Committed {
        protocol::ReferencePointer reference;
        std::vector<protocol::HistoryEntry> history;
    };
    using Order = std::variant<Committed, protocol::Promise, protocol::PreparedRecord,
                               protocol::LocalRecord, protocol::KnownPeers>;

    void put(Order order);
    void begin_next();
    void finish();
    [[nodiscard]] Expected<void, Error> carry_out(const Order& order);
    void report(const Order& order);

    SimDisk& m_disk;
    storage::CheckpointStore m_store;
    protocol::Duration m_write_time_max;
    protocol::RandomStream m_random;
    PeerStorageHandlers m_handlers;
    std::map<std::size_t, Order> m_waiting;  ///< By its place in Order.
    std::optional<Order> m_writing;
    bool m_pausing = false;
};

}  // namespace dynavg::simulation
