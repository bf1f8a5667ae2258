#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace dynavg::simulation {

/// Threads for work that may be done ahead of the virtual time at which its result is due. The
/// result may not depend on when or where it is computed; then neither does the run. start() and
/// finish() come from one thread.
class TaskPool {
public:
    class Task;
    using TaskPointer = std::shared_ptr<Task>;

    /// `threads` counts the caller's own, which works while it waits; 0 counts as 1.
    explicit TaskPool(std::size_t threads);
    /// Waits for the tasks that run and drops the others: objects that tasks refer to outlive the
    /// pool.
    ~TaskPool();
    TaskPool(const TaskPool&) = delete;
    TaskPool& operator=(const TaskPool&) = delete;

    [[nodiscard]] TaskPointer start(std::function<void()> work);
    /// Returns once the task is done, and throws what it has thrown.
    void finish(const TaskPointer& task);

private:
    void work();
    [[nodiscard]] TaskPointer take();
    void run(Task& task, std::unique_lock<std::mutex>& lock);

    std::mutex m_mutex;
    std::condition_variable m_changed;
    std::deque<TaskPointer> m_waiting;
    bool m_stopping = false;
    std::vector<std::thread> m_threads;
};

}  // namespace dynavg::simulation
