#pragma once

#include <chrono>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

namespace dynavg::daemon {

/// Runs a loop until something has happened; the deadline only ends a test that has failed.
class TestLoop {
public:
    boost::asio::io_context io{1};

    template <class Predicate>
    [[nodiscard]] bool run_until(Predicate predicate) {
        return run_for(std::chrono::seconds(30), predicate);
    }
    /// The same with a deadline: for what must not happen.
    template <class Predicate>
    [[nodiscard]] bool run_for(std::chrono::milliseconds time, Predicate predicate) {
        const auto deadline = std::chrono::steady_clock::now() + time;
        while (!predicate()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            io.run_one_for(std::chrono::milliseconds(10));
        }
        return true;
    }
    /// Carries out what is ready.
    void run_ready() { io.poll(); }

private:
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> m_work{
        io.get_executor()};
};

}  // namespace dynavg::daemon
