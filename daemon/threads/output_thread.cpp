#include "daemon/threads/output_thread.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <sys/eventfd.h>

#include "daemon/threads/hook.hpp"
#include "daemon/threads/reporter.hpp"
#include "daemon/threads/thread_name.hpp"
#include "posix/descriptor.hpp"

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;
using protocol::ReferencePointer;

bool output_is_due(std::optional<protocol::Epoch> last, protocol::Epoch next, std::uint32_t every) {
    if (!last || next < *last) return true;
    return next.value() - last->value() >= every;
}

using EventHandler = std::function<void(Event)>;

struct OutputThread::Parts {
    Parts(boost::asio::io_context& loop, OutputOptions given, WriteReference function,
          EventHandler told)
        : options(std::move(given)),
          write(std::move(function)),
          reporter(std::make_shared<Reporter<EventHandler>>(loop, std::move(told))),
          stop_signal(eventfd(0, EFD_CLOEXEC)) {}

    void run();
    [[nodiscard]] ReferencePointer next();
    [[nodiscard]] bool write_file(const protocol::Reference& reference);
    void wait_before_another_try();
    void put_back(ReferencePointer reference);
    void run_the_hook(const protocol::Reference& reference);
    void tell(Event event);

    const OutputOptions options;
    const WriteReference write;
    const std::shared_ptr<Reporter<EventHandler>> reporter;
    const posix::Descriptor stop_signal;

    std::mutex mutex;
    std::condition_variable changed;
    ReferencePointer waiting;  ///< The latest.
    bool stopped = false;

    // The thread's own.
    std::optional<protocol::Epoch> written;
    std::string told_failure;       ///< Of writing; empty if the last one succeeded.
    std::string told_hook_failure;  ///< Likewise.

    std::thread thread;
};

void OutputThread::Parts::run() {
    name_this_thread("output");
    while (ReferencePointer reference = next()) {
        if (!output_is_due(written, reference->epoch, options.every)) continue;
        if (!write_file(*reference)) {
            put_back(std::move(reference));
            wait_before_another_try();
            continue;
        }
        written = reference->epoch;
        if (!options.hook.empty()) run_the_hook(*reference);
    }
}

/// Null: stop.
ReferencePointer OutputThread::Parts::next() {
    std::unique_lock lock(mutex);
    changed.wait(lock, [this] { return stopped || waiting != nullptr; });
    return stopped ? nullptr : std::exchange(waiting, nullptr);
}

bool OutputThread::Parts::write_file(const protocol::Reference& reference) {
    Expected<void, Error> result;
    try {
        result = write(options.path, reference);
    } catch (const std::exception& error) {
        result = fail(fmt::format("cannot write {}: {}", options.path.string(), error.what()));
    }
    if (!result) {
        const std::string& reason = result.error().message;
        if (std::exchange(told_failure, reason) == reason) return false;
        tell(Event("output_failed", Level::warning,
                   fmt::format("reference {} could not be written for other programs: {}; it is "
                               "tried again",
                               reference.epoch.value(), reason))
                 .with("path", options.path.string())
                 .with("reason", reason));
        return false;
    }
    told_failure.clear();
    tell(Event("output_written", Level::info,
               fmt::format("reference {} was written to {}", reference.epoch.value(),
                           options.path.string()))
             .with("path", options.path.string())
             .with("digest", reference.id.digest.hex()));
    return true;
}

void OutputThread::Parts::wait_before_another_try() {
    std::unique_lock lock(mutex);
    changed.wait_for(lock, options.retry_interval, [this] { return stopped; });
}

/// A later one has its place.
void OutputThread::Parts::put_back(ReferencePointer reference) {
    const std::lock_guard lock(mutex);
    if (waiting == nullptr) waiting = std::move(reference);
}

void OutputThread::Parts::run_the_hook(const protocol::Reference& reference) {
    HookOrder order;
    order.command = options.hook;
    order.environment = {{"DYNAVG_NETWORK", options.network},
                         {"DYNAVG_EPOCH", fmt::to_string(reference.epoch.value())},
                         {"DYNAVG_DIGEST", reference.id.digest.hex()},
                         {"DYNAVG_PATH", options.path.string()}};
    order.timeout = options.hook_timeout;
    const HookOutcome outcome = run_hook(order, stop_signal.number());
    const std::string reason = outcome.end == HookEnd::failed ? outcome.reason : "";
    if (std::exchange(told_hook_failure, reason) == reason || reason.empty()) return;
    tell(Event("hook_failed", Level::warning,
               fmt::format("the hook {} for reference {} has failed: {}; the file is in place, and "
                           "the hook runs again with the next one",
                           options.hook.front(), reference.epoch.value(), reason))
             .with("path", options.hook.front())
             .with("reason", reason)
             .with("digest", reference.id.digest.hex()));
}

void OutputThread::Parts::tell(Event event) {
    reporter->report([event = std::move(event)](const EventHandler& on_event) mutable {
        on_event(std::move(event));
    });
}

OutputThread::OutputThread(boost::asio::io_context& io, OutputOptions options, WriteReference write,
                           std::function<void(Event)> on_event)
    : m_parts(
          std::make_unique<Parts>(io, std::move(options), std::move(write), std::move(on_event))) {
    m_parts->thread = std::thread([parts = m_parts.get()] { parts->run(); });
}

OutputThread::~OutputThread() {
    stop();
}

void OutputThread::offer(ReferencePointer reference) {
    {
        const std::lock_guard lock(m_parts->mutex);
        m_parts->waiting = std::move(reference);
    }
    m_parts->changed.notify_all();
}

void OutputThread::stop() {
    m_parts->reporter->stop();
    {
        const std::lock_guard lock(m_parts->mutex);
        m_parts->stopped = true;
    }
    m_parts->changed.notify_all();
    (void)eventfd_write(m_parts->stop_signal.number(), 1);
    if (m_parts->thread.joinable()) m_parts->thread.join();
}

}  // namespace dynavg::daemon
