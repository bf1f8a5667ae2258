#include "simulation/task_pool.hpp"

#include <exception>
#include <utility>

namespace dynavg::simulation {

class TaskPool::Task {
public:
    explicit Task(std::function<void()> work_to_do) : work(std::move(work_to_do)) {}
    std::function<void()> work;
    std::exception_ptr thrown;  ///< Guarded by the pool's mutex, as the next.
    bool done = false;
};

TaskPool::TaskPool(std::size_t threads) {
    for (std::size_t i = 1; i < threads; ++i) m_threads.emplace_back([this] { work(); });
}

TaskPool::~TaskPool() {
    {
        const std::lock_guard lock(m_mutex);
        m_stopping = true;
    }
    m_changed.notify_all();
    for (std::thread& thread : m_threads) thread.join();
}

TaskPool::TaskPointer TaskPool::start(std::function<void()> work) {
    auto task = std::make_shared<Task>(std::move(work));
    {
        const std::lock_guard lock(m_mutex);
        m_waiting.push_back(task);
    }
    m_changed.notify_one();
    return task;
}

void TaskPool::finish(const TaskPointer& task) {
    std::unique_lock lock(m_mutex);
    while (!task->done) {
        if (const TaskPointer other = take()) {
            run(*other, lock);
        } else {
            m_changed.wait(lock);
        }
    }
    if (task->thrown) std::rethrow_exception(task->thrown);
}

void TaskPool::work() {
    std::unique_lock lock(m_mutex);
    while (!m_stopping) {
        if (const TaskPointer task = take()) {
            run(*task, lock);
        } else {
            m_changed.wait(lock);
        }
    }
}

/// The first that waits; m_mutex is held.
TaskPool::TaskPointer TaskPool::take() {
    if (m_waiting.empty()) return nullptr;
    TaskPointer task = std::move(m_waiting.front());
    m_waiting.pop_front();
    return task;
}

void TaskPool::run(Task& task, std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    std::exception_ptr thrown;
    try {
        task.work();
    } catch (...) {
        thrown = std::current_exception();
    }
    lock.lock();
    task.thrown = thrown;
    task.done = true;
    m_changed.notify_all();
}

}  // namespace dynavg::simulation
