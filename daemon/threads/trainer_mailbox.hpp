#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <variant>

#include "daemon/threads/trainer_thread.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/node_core.hpp"

namespace boost::asio {
class io_context;
}

namespace dynavg::daemon {

/// Carries the trainer's reports to the io thread, in order, with one wake-up at a time. Of several
/// step reports in a row only the latest is kept. put() is thread-safe, the rest is the io
/// thread's.
class TrainerMailbox : public std::enable_shared_from_this<TrainerMailbox> {
public:
    struct Diverged {
        std::uint64_t steps_lost = 0;
    };
    using Report = std::variant<protocol::StepReport, Diverged, Error>;

    TrainerMailbox(boost::asio::io_context& io, TrainerThreadHandlers handlers);
    /// Wakes the io thread up.
    void put(Report report);
    /// Wakes it up only if the last time is kWakeUpInterval ago: steps of microseconds would pay
    /// more for the wake-ups than for the training. flush() is called before the trainer waits.
    void put_at_leisure(Report report, protocol::Instant now);
    void flush();
    /// Nothing is delivered any more.
    void stop() { m_stopped = true; }

private:
    static constexpr protocol::Duration kWakeUpInterval = std::chrono::milliseconds(1);

    void add(Report report);  ///< m_mutex is held, as for the next.
    void wake_up();
    void deliver();

    boost::asio::io_context& m_io;
    TrainerThreadHandlers m_handlers;
    std::mutex m_mutex;
    std::deque<Report> m_reports;  ///< Guarded by m_mutex, as the next.
    bool m_wake_up_pending = false;
    protocol::Instant m_last_wake_up{};
    bool m_stopped = false;  ///< Used on the io thread only.
};

}  // namespace dynavg::daemon
