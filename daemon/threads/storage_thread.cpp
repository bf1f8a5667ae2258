#include "daemon/threads/storage_thread.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <variant>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "daemon/app/clock.hpp"
#include "daemon/threads/reporter.hpp"
#include "daemon/threads/thread_name.hpp"

namespace dynavg::daemon {

using peer::Commit;
using peer::Write;
using protocol::Event;
using protocol::Level;

namespace {

std::chrono::steady_clock::time_point on_steady_clock(protocol::Instant when) {
    return std::chrono::steady_clock::time_point(when.time_since_epoch());
}

}  // namespace

struct StorageThread::Parts {
    Parts(boost::asio::io_context& io, StorageThreadOptions thread_options,
          StorageThreadHandlers handlers)
        : options(std::move(thread_options)),
          store(*options.disk, options.shape, options.network),
          reporter(std::make_shared<Reporter<StorageThreadHandlers>>(io, std::move(handlers))) {}

    void put(Write write);
    void run();
    void work();
    void carry_out(Write write);
    [[nodiscard]] Event written(const Write& write) const;
    [[nodiscard]] Event failure(const Write& write, const Error& error) const;
    void report_written(const Write& write);
    void report_failed(const Write& write, const Error& error);
    /// The reason why each kind of write failed, until it works again; as the store.
    [[nodiscard]] std::string& failing(const Write& write) {
        return failures[static_cast<std::size_t>(kind_of(write))];
    }

    StorageThreadOptions options;
    storage::CheckpointStore store;  ///< The storage thread's, between start() and finish().
    std::array<std::string, peer::kWriteKinds> failures;
    std::shared_ptr<Reporter<StorageThreadHandlers>> reporter;

    std::mutex mutex;
    std::condition_variable changed;
    peer::WriteQueue queue;  ///< Guarded by `mutex`, as the next.
    bool finishing = false;
    std::thread thread;
    bool running = false;                       ///< Used on the io thread only.
    std::atomic<std::int64_t> free_bytes = -1;  ///< On the disk; unknown before the first write.
};

void StorageThread::Parts::put(Write write) {
    if (!running) return;
    {
        const std::lock_guard lock(mutex);
        queue.put(std::move(write));
    }
    changed.notify_one();
}

// --- the storage thread -----------------------------------------------------------------------

void StorageThread::Parts::run() {
    name_this_thread("storage");
    try {
        work();
    } catch (const std::exception& error) {
        Error failure{std::string("the storage thread has ended: ") + error.what()};
        reporter->report(
            [failure](const StorageThreadHandlers& handlers) { handlers.on_error(failure); });
    }
}

void StorageThread::Parts::work() {
    std::unique_lock lock(mutex);
    while (!finishing) {
        if (auto write = queue.take(now())) {
            lock.unlock();
            carry_out(std::move(*write));
            lock.lock();
        } else if (const auto due = queue.due()) {
            changed.wait_until(lock, on_steady_clock(*due));
        } else {
            changed.wait(lock);
        }
    }
}

void StorageThread::Parts::carry_out(Write write) {
    if (const auto* copy = std::get_if<CopyTraining>(&write)) {
        // A reference that was installed meanwhile goes first.
        Write record = (*copy)();
        const std::lock_guard lock(mutex);
        return queue.put(std::move(record));
    }
    const auto done = write_to(store, write);
    if (const auto left = options.disk->free_bytes()) free_bytes = static_cast<std::int64_t>(*left);
    if (done) {
        report_written(write);
    } else {
        report_failed(write, done.error());
        const std::lock_guard lock(mutex);
        queue.failed(std::move(write), now());
    }
}

Event StorageThread::Parts::written(const Write& write) const {
    Event event("checkpoint_written", Level::debug,
                fmt::format("the {} is on disk", name_of(kind_of(write))));
    if (const auto* committed = std::get_if<Commit>(&write)) {
        event.with("path", store.reference_path())
            .with("digest", committed->reference->id.digest.hex());
    } else if (const auto* promise = std::get_if<protocol::Promise>(&write)) {
        event.with("path", store.promise_path()).with("attempt", promise->attempt.value());
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&write)) {
        event.with("path", store.prepared_path()).with("digest", prepared->value->id.digest.hex());
    } else if (std::holds_alternative<protocol::KnownPeers>(write)) {
        event.with("path", store.peers_path());
    } else {
        const auto& local = std::get<protocol::LocalRecord>(write);
        event.with("path", store.local_path())
            .with("digest", local.reference.digest.hex())
            .with("steps", local.steps);
    }
    return event;
}

void StorageThread::Parts::report_written(const Write& write) {
    Event event = written(write);
    if (!failing(write).empty()) {
        event.level = Level::info;
        event.message += ": checkpoints can be written again";
        failing(write).clear();
    }
    reporter->report([event = std::move(event)](const StorageThreadHandlers& handlers) {
        handlers.on_event(event);
    });
    if (const auto* promise = std::get_if<protocol::Promise>(&write)) {
        reporter->report([promise = *promise](const StorageThreadHandlers& handlers) {
            handlers.on_promise_written(promise);
        });
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&write)) {
        reporter->report([prepared = prepared->prepared](const StorageThreadHandlers& handlers) {
            handlers.on_prepared_written(prepared);
        });
    }
}

Event StorageThread::Parts::failure(const Write& write, const Error& error) const {
    return Event("checkpoint_failed", Level::warning,
                 fmt::format("the {} could not be kept on disk: {}", name_of(kind_of(write)),
                             error.message))
        .with("path", options.disk->path_of(""))
        .with("reason", error.message);
}

void StorageThread::Parts::report_failed(const Write& write, const Error& error) {
    if (std::exchange(failing(write), error.message) == error.message) return;
    Event event = failure(write, error);
    event.message += "; it is tried again every second";
    reporter->report([event = std::move(event)](const StorageThreadHandlers& handlers) {
        handlers.on_event(event);
    });
}

// --- the interface ----------------------------------------------------------------------------

StorageThread::StorageThread(boost::asio::io_context& io, StorageThreadOptions options,
                             StorageThreadHandlers handlers)
    : m_parts(std::make_unique<Parts>(io, std::move(options), std::move(handlers))) {}

StorageThread::~StorageThread() {
    (void)finish({});
}

storage::Found StorageThread::load() {
    return m_parts->store.load();
}

void StorageThread::start() {
    m_parts->running = true;
    m_parts->thread = std::thread([parts = m_parts.get()] { parts->run(); });
}

void StorageThread::write(Write write) {
    m_parts->put(std::move(write));
}

std::optional<std::uint64_t> StorageThread::free_bytes() const {
    const std::int64_t known = m_parts->free_bytes;
    return known < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(known));
}

std::vector<Event> StorageThread::finish(const CopyTraining& copy) {
    if (!std::exchange(m_parts->running, false)) return {};
    m_parts->reporter->stop();
    {
        const std::lock_guard lock(m_parts->mutex);
        m_parts->finishing = true;
    }
    m_parts->changed.notify_one();
    m_parts->thread.join();
    std::vector<Write> rest = m_parts->queue.take_rest();
    if (copy) rest.emplace_back(copy());
    std::vector<Event> events;
    for (const Write& write : rest) {
        if (const auto done = write_to(m_parts->store, write); !done) {
            return {m_parts->failure(write, done.error())};
        }
        events = {m_parts->written(write)};
    }
    return events;
}

}  // namespace dynavg::daemon
