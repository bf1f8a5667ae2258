#include "simulation/peer/peer_storage.hpp"

#include <algorithm>
#include <utility>
#include <variant>

namespace dynavg::simulation {

using protocol::Duration;

PeerStorage::PeerStorage(SimDisk& disk, protocol::ReferenceShape shape, protocol::Digest network,
                         Duration write_time_max, protocol::RandomStream random,
                         PeerStorageHandlers handlers)
    : m_disk(disk),
      m_store(disk, shape, network),
      m_write_time_max(write_time_max),
      m_random(random),
      m_handlers(std::move(handlers)) {}

void PeerStorage::write(peer::Write write) {
    m_queue.put(std::move(write));
    begin_next();
}

void PeerStorage::begin_next() {
    if (m_ended || m_writing) return;
    m_writing = m_queue.take(m_handlers.now());
    if (!m_writing) return await_next();
    m_handlers.on_writing(*m_writing);
    const auto most = static_cast<std::uint64_t>(m_write_time_max.count());
    m_handlers.later(Duration(static_cast<Duration::rep>(m_random.below(most + 1))),
                     [this] { finish(); });
}

/// The peer's clock may jump meanwhile; the queue is then looked at a little late, or again.
void PeerStorage::await_next() {
    const auto due = m_queue.due();
    if (!due || m_awaited == due) return;
    m_awaited = due;
    m_handlers.later(*due - m_handlers.now(), [this, due] {
        if (m_awaited == due) m_awaited.reset();
        begin_next();
    });
}

void PeerStorage::finish() {
    peer::Write write = std::move(*std::exchange(m_writing, std::nullopt));
    if (write_to(m_store, write)) {
        report(write);
    } else {
        m_queue.failed(std::move(write), m_handlers.now());
    }
    begin_next();
}

void PeerStorage::report(const peer::Write& write) {
    m_handlers.on_written(write);
    if (const auto* promise = std::get_if<protocol::Promise>(&write)) {
        m_handlers.on_promise(*promise);
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&write)) {
        m_handlers.on_prepared(prepared->prepared);
    }
}

void PeerStorage::finish_all(std::optional<protocol::LocalRecord> record) {
    m_ended = true;
    std::vector<peer::Write> rest;
    if (m_writing) rest.push_back(*std::exchange(m_writing, std::nullopt));
    for (peer::Write& write : m_queue.take_rest()) rest.push_back(std::move(write));
    const bool all_written = std::all_of(rest.begin(), rest.end(), [this](const auto& write) {
        return write_to(m_store, write).has_value();
    });
    if (!record) return;
    const peer::Write last = std::move(*record);
    if (all_written && write_to(m_store, last)) report(last);
}

void PeerStorage::crash(PowerLoss loss) {
    m_ended = true;
    if (!m_writing) return;
    m_disk.lose_power_soon(loss);
    (void)write_to(m_store, *std::exchange(m_writing, std::nullopt));
    m_disk.restore_power();
}

}  // namespace dynavg::simulation
