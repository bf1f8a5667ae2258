#include "simulation/peer/peer_storage.hpp"

#include <algorithm>
#include <utility>
#include <variant>
#include <vector>

namespace dynavg::simulation {

using protocol::Duration;

namespace {

constexpr Duration kRetryInterval = std::chrono::seconds(1);

}  // namespace

PeerStorage::PeerStorage(SimDisk& disk, protocol::ReferenceShape shape, protocol::Digest network,
                         Duration write_time_max, protocol::RandomStream random,
                         PeerStorageHandlers handlers)
    : m_disk(disk),
      m_store(disk, shape, network),
      m_write_time_max(write_time_max),
      m_random(random),
      m_handlers(std::move(handlers)) {}

void PeerStorage::commit(protocol::ReferencePointer reference,
                         std::vector<protocol::HistoryEntry> history) {
    put(Committed{std::move(reference), std::move(history)});
}

void PeerStorage::write(const protocol::Promise& promise) {
    put(promise);
}

void PeerStorage::write(const protocol::PreparedRecord& record) {
    put(record);
}

void PeerStorage::write(protocol::LocalRecord record) {
    put(std::move(record));
}

void PeerStorage::write(protocol::KnownPeers known) {
    put(std::move(known));
}

void PeerStorage::put(Order order) {
    const std::size_t place = order.index();
    m_waiting.insert_or_assign(place, std::move(order));
    begin_next();
}

void PeerStorage::begin_next() {
    if (m_writing || m_pausing || m_waiting.empty()) return;
    m_writing = std::move(m_waiting.extract(m_waiting.begin()).mapped());
    const auto most = static_cast<std::uint64_t>(m_write_time_max.count());
    m_handlers.later(Duration(static_cast<Duration::rep>(m_random.below(most + 1))),
                     [this] { finish(); });
}

void PeerStorage::finish() {
    const Order order = std::move(*std::exchange(m_writing, std::nullopt));
    if (carry_out(order)) {
        report(order);
        return begin_next();
    }
    // A newer one has taken its place meanwhile, or it waits there again.
    m_waiting.emplace(order.index(), order);
    m_pausing = true;
    m_handlers.later(kRetryInterval, [this] {
        m_pausing = false;
        begin_next();
    });
}

Expected<void, Error> PeerStorage::carry_out(const Order& order) {
    if (const auto* committed = std::get_if<Committed>(&order)) {
        return m_store.commit(*committed->reference, committed->history);
    }
    if (const auto* promise = std::get_if<protocol::Promise>(&order)) {
        return m_store.write(*promise);
    }
    if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&order)) {
        return m_store.write(*prepared);
    }
    if (const auto* known = std::get_if<protocol::KnownPeers>(&order)) return m_store.write(*known);
    return m_store.write(std::get<protocol::LocalRecord>(order));
}

void PeerStorage::report(const Order& order) {
    if (const auto* promise = std::get_if<protocol::Promise>(&order)) {
        m_handlers.on_promise(*promise);
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&order)) {
        m_handlers.on_prepared(prepared->prepared);
    } else if (const auto* local = std::get_if<protocol::LocalRecord>(&order)) {
        m_handlers.on_local(*local);
    }
}

void PeerStorage::finish_all(std::optional<protocol::LocalRecord> record) {
    std::vector<Order> rest;
    if (m_writing) rest.push_back(*std::exchange(m_writing, std::nullopt));
    for (auto& [place, order] : std::exchange(m_waiting, {})) rest.push_back(std::move(order));
    const bool all_written = std::all_of(rest.begin(), rest.end(), [this](const Order& order) {
        return carry_out(order).has_value();
    });
    if (!record) return;
    const Order last = std::move(*record);
    if (all_written && carry_out(last)) report(last);
}

void PeerStorage::crash(PowerLoss loss) {
    if (!m_writing) return;
    m_disk.lose_power_soon(loss);
    (void)carry_out(*std::exchange(m_writing, std::nullopt));
    m_disk.restore_power();
}

}  // namespace dynavg::simulation
