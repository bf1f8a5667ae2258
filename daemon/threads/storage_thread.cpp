#include "daemon/threads/storage_thread.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>

#include <boost/asio/io_context.hpp>
#include <fmt/format.h>

#include "daemon/threads/reporter.hpp"
#include "daemon/threads/thread_name.hpp"

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kRetryInterval{1};

struct Committed {
    protocol::ReferencePointer reference;
    std::vector<protocol::HistoryEntry> history;
};

/// In the order in which they are carried out.
using Order = std::variant<Committed, protocol::Promise, protocol::PreparedRecord, CopyTraining,
                           protocol::LocalRecord, protocol::KnownPeers>;
constexpr std::size_t kKinds = std::variant_size_v<Order>;

std::string_view kind_name(const Order& order) {
    constexpr std::array<std::string_view, kKinds> kNames{"reference",      "promise",
                                                          "prepared value", "local training",
                                                          "local training", "list of known peers"};
    return kNames[order.index()];
}

/// One of each kind at most; a newer one takes the place of one that waits.
class Orders {
public:
    void put(Order order) {
        const std::size_t kind = order.index();
        m_waiting[kind] = Waiting{std::move(order), {}};
    }
    /// Back to its place, unless a newer one has taken it.
    void put_back(Order order, Clock::time_point due) {
        auto& place = m_waiting[order.index()];
        if (place) {
            place->due = due;
        } else {
            place = Waiting{std::move(order), due};
        }
    }
    void drop_prepared_up_to(protocol::Epoch epoch) {
        auto& place = m_waiting[2];
        if (!place) return;
        const auto& record = std::get<protocol::PreparedRecord>(place->order);
        if (record.value->epoch <= epoch) place.reset();
    }
    /// The first that may be carried out, if it is due.
    [[nodiscard]] std::optional<Order> take(Clock::time_point now) {
        const std::optional<std::size_t> kind = next(now);
        if (!kind) return std::nullopt;
        return std::exchange(m_waiting[*kind], std::nullopt)->order;
    }
    /// When there may be one to take.
    [[nodiscard]] std::optional<Clock::time_point> due() const {
        std::optional<Clock::time_point> first;
        for (const auto& waiting : m_waiting) {
            if (waiting && (!first || waiting->due < *first)) first = waiting->due;
            if (waiting && waiting->order.index() == 0) break;
        }
        return first;
    }

private:
    struct Waiting {
        Order order;
        Clock::time_point due;
    };

    [[nodiscard]] std::optional<std::size_t> next(Clock::time_point now) const {
        for (std::size_t kind = 0; kind < kKinds; ++kind) {
            if (m_waiting[kind] && m_waiting[kind]->due <= now) return kind;
            // Nothing goes on top of a reference that waits.
            if (m_waiting[kind] && kind == 0) return std::nullopt;
        }
        return std::nullopt;
    }

    std::array<std::optional<Waiting>, kKinds> m_waiting;
};

}  // namespace

struct StorageThread::Parts {
    Parts(boost::asio::io_context& io, StorageThreadOptions thread_options,
          StorageThreadHandlers handlers)
        : options(std::move(thread_options)),
          store(*options.disk, options.shape, options.network),
          reporter(std::make_shared<Reporter<StorageThreadHandlers>>(io, std::move(handlers))) {}

    void put(Order order);
    void run();
    void work();
    void carry_out(Order order);
    [[nodiscard]] Expected<void, Error> write(const Order& order);
    [[nodiscard]] Event written(const Order& order) const;
    [[nodiscard]] Event failure(const Order& order, const Error& error) const;
    void report_written(const Order& order);
    void report_failed(const Order& order, const Error& error);

    StorageThreadOptions options;
    storage::CheckpointStore store;  ///< The storage thread's, between start() and finish().
    /// What each kind of order failed of, until it works again; as the store.
    std::array<std::string, kKinds> failing;
    std::shared_ptr<Reporter<StorageThreadHandlers>> reporter;

    std::mutex mutex;
    std::condition_variable changed;
    Orders orders;  ///< Guarded by `mutex`, as the next.
    bool finishing = false;
    std::thread thread;
    bool running = false;                       ///< Used on the io thread only.
    std::atomic<std::int64_t> free_bytes = -1;  ///< On the disk; unknown before the first write.
};

void StorageThread::Parts::put(Order order) {
    if (!running) return;
    {
        const std::lock_guard lock(mutex);
        if (const auto* committed = std::get_if<Committed>(&order)) {
            orders.drop_prepared_up_to(committed->reference->epoch);
        }
        orders.put(std::move(order));
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
        if (auto order = orders.take(Clock::now())) {
            lock.unlock();
            carry_out(std::move(*order));
            lock.lock();
        } else if (const auto due = orders.due()) {
            changed.wait_until(lock, *due);
        } else {
            changed.wait(lock);
        }
    }
}

void StorageThread::Parts::carry_out(Order order) {
    if (const auto* copy = std::get_if<CopyTraining>(&order)) {
        // A reference that was installed meanwhile goes first.
        Order record = (*copy)();
        const std::lock_guard lock(mutex);
        return orders.put(std::move(record));
    }
    const auto done = write(order);
    if (const auto left = options.disk->free_bytes()) free_bytes = static_cast<std::int64_t>(*left);
    if (done) {
        report_written(order);
    } else {
        report_failed(order, done.error());
        const std::lock_guard lock(mutex);
        orders.put_back(std::move(order), Clock::now() + kRetryInterval);
    }
}

Expected<void, Error> StorageThread::Parts::write(const Order& order) {
    if (const auto* committed = std::get_if<Committed>(&order)) {
        return store.commit(*committed->reference, committed->history);
    }
    if (const auto* promise = std::get_if<protocol::Promise>(&order)) {
        return store.write(*promise);
    }
    if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&order)) {
        return store.write(*prepared);
    }
    if (const auto* known = std::get_if<protocol::KnownPeers>(&order)) return store.write(*known);
    return store.write(std::get<protocol::LocalRecord>(order));
}

Event StorageThread::Parts::written(const Order& order) const {
    Event event("checkpoint_written", Level::debug,
                fmt::format("the {} is on disk", kind_name(order)));
    if (const auto* committed = std::get_if<Committed>(&order)) {
        event.with("path", store.reference_path())
            .with("digest", committed->reference->id.digest.hex());
    } else if (const auto* promise = std::get_if<protocol::Promise>(&order)) {
        event.with("path", store.promise_path()).with("attempt", promise->attempt.value());
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&order)) {
        event.with("path", store.prepared_path()).with("digest", prepared->value->id.digest.hex());
    } else if (std::holds_alternative<protocol::KnownPeers>(order)) {
        event.with("path", store.peers_path());
    } else {
        const auto& local = std::get<protocol::LocalRecord>(order);
        event.with("path", store.local_path())
            .with("digest", local.reference.digest.hex())
            .with("steps", local.steps);
    }
    return event;
}

void StorageThread::Parts::report_written(const Order& order) {
    Event event = written(order);
    if (!failing[order.index()].empty()) {
        event.level = Level::info;
        event.message += ": checkpoints can be written again";
        failing[order.index()].clear();
    }
    reporter->report([event = std::move(event)](const StorageThreadHandlers& handlers) {
        handlers.on_event(event);
    });
    if (const auto* promise = std::get_if<protocol::Promise>(&order)) {
        reporter->report([promise = *promise](const StorageThreadHandlers& handlers) {
            handlers.on_promise_written(promise);
        });
    } else if (const auto* prepared = std::get_if<protocol::PreparedRecord>(&order)) {
        reporter->report([prepared = prepared->prepared](const StorageThreadHandlers& handlers) {
            handlers.on_prepared_written(prepared);
        });
    }
}

Event StorageThread::Parts::failure(const Order& order, const Error& error) const {
    return Event(
               "checkpoint_failed", Level::warning,
               fmt::format("the {} could not be kept on disk: {}", kind_name(order), error.message))
        .with("path", options.disk->path_of(""))
        .with("reason", error.message);
}

void StorageThread::Parts::report_failed(const Order& order, const Error& error) {
    if (std::exchange(failing[order.index()], error.message) == error.message) return;
    Event event = failure(order, error);
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

void StorageThread::commit(protocol::ReferencePointer reference,
                           std::vector<protocol::HistoryEntry> history) {
    m_parts->put(Committed{std::move(reference), std::move(history)});
}

void StorageThread::write(protocol::Promise promise) {
    m_parts->put(std::move(promise));
}

void StorageThread::write(protocol::PreparedRecord record) {
    m_parts->put(std::move(record));
}

void StorageThread::write(protocol::KnownPeers known) {
    m_parts->put(std::move(known));
}

void StorageThread::write_training(CopyTraining copy) {
    m_parts->put(std::move(copy));
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
    std::vector<Order> rest;
    while (auto order = m_parts->orders.take(Clock::time_point::max())) {
        if (!std::holds_alternative<CopyTraining>(*order)) rest.push_back(std::move(*order));
    }
    if (copy) rest.emplace_back(copy());
    std::vector<Event> events;
    for (const Order& order : rest) {
        if (const auto done = m_parts->write(order); !done) {
            return {m_parts->failure(order, done.error())};
        }
        events = {m_parts->written(order)};
    }
    return events;
}

}  // namespace dynavg::daemon
