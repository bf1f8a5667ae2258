#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <thread>
#include <utility>

namespace dynavg::test {

/// Does the work on a thread of its own, and throws here what it has thrown. False if the work has
/// not ended in time: a test of something that may hang then fails, and names what hangs. The work
/// may run on after such a test: it owns all that it uses, and asserts nothing.
[[nodiscard]] inline bool ends_within(std::chrono::seconds limit, std::function<void()> work) {
    std::packaged_task<void()> task(std::move(work));
    std::future<void> end = task.get_future();
    std::thread(std::move(task)).detach();
    if (end.wait_for(limit) != std::future_status::ready) return false;
    end.get();
    return true;
}

}  // namespace dynavg::test
