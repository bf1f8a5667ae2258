#include "daemon/threads/hook.hpp"

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <thread>

#include <sys/eventfd.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

using namespace dynavg::daemon;
using namespace std::chrono_literals;
using dynavg::test::TemporaryFolder;

namespace {

/// A shell is a program like any other.
HookOrder order_of(const std::string& script, std::chrono::milliseconds timeout = 30s) {
    return {{"/bin/sh", "-c", script}, {}, timeout};
}

std::string read(const std::filesystem::path& path) {
    std::ifstream stream(path);
    return {std::istreambuf_iterator<char>(stream), {}};
}

class StopEvent {
public:
    StopEvent() : m_fd(eventfd(0, EFD_CLOEXEC)) {}
    ~StopEvent() { close(m_fd); }
    StopEvent(const StopEvent&) = delete;
    StopEvent& operator=(const StopEvent&) = delete;
    [[nodiscard]] int fd() const { return m_fd; }
    void set() const { REQUIRE(eventfd_write(m_fd, 1) == 0); }

private:
    int m_fd;
};

}  // namespace

TEST_CASE("a hook is run with its arguments as they are, and with the environment", "[hook]") {
    const TemporaryFolder folder;
    const StopEvent stop;
    setenv("NOTIFY_SOCKET", "/run/manager", 1);
    HookOrder order{{"/bin/sh", "-c", "printf '%s|' \"$1\" \"$EPOCH\" \"$NOTIFY_SOCKET\" > \"$0\"",
                     (folder / "out").string(), "a 'b' $HOME"},
                    {{"EPOCH", "7"}},
                    30s};
    CHECK(run_hook(order, stop.fd()).end == HookEnd::done);
    unsetenv("NOTIFY_SOCKET");
    CHECK(read(folder / "out") == "a 'b' $HOME|7||");
}

TEST_CASE("a hook has no file of the daemon, and nothing to read", "[hook]") {
    const TemporaryFolder folder;
    const StopEvent stop;
    const int open_file = dup(STDERR_FILENO);
    const auto outcome = run_hook(
        order_of("cat; ls /proc/self/fd | wc -l > " + (folder / "count").string()), stop.fd());
    close(open_file);
    CHECK(outcome.end == HookEnd::done);
    // The three of a program, and the folder that ls reads.
    CHECK(read(folder / "count") == "4\n");
}

TEST_CASE("how a hook has failed is told, with its last line", "[hook]") {
    const StopEvent stop;
    const auto reason = [&stop](const HookOrder& order) {
        const HookOutcome outcome = run_hook(order, stop.fd());
        CHECK(outcome.end == HookEnd::failed);
        return outcome.reason;
    };
    CHECK(reason(order_of("echo one; echo two >&2; echo; exit 3")) == "it ended with code 3: two");
    CHECK(reason(order_of("exit 1")) == "it ended with code 1");
    CHECK(reason(order_of("kill -9 $$")) == "signal 9 ended it");
    CHECK(reason({{"/nowhere/deploy"}, {}, 1s}) ==
          "it cannot be started: No such file or directory");
    // However much it writes.
    CHECK(reason(order_of("yes some line | head -n 100000; echo last; exit 2")) ==
          "it ended with code 2: last");
}

TEST_CASE("a hook that takes too long is ended, with all that it has started", "[hook]") {
    const TemporaryFolder folder;
    const StopEvent stop;
    const std::string child = (folder / "child").string();
    const auto outcome = run_hook(
        order_of("(trap '' TERM; exec sleep 1000) & echo $! > " + child + "; echo waiting; wait",
                 2s),
        stop.fd());
    CHECK(outcome.end == HookEnd::failed);
    CHECK(outcome.reason == "it was ended, as it ran for 2 s: waiting");
    const std::string process = read(child);
    REQUIRE_FALSE(process.empty());
    // Its end takes a moment, and nobody may have waited for it.
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    const auto runs = [&process] {
        const std::string state = read("/proc/" + std::to_string(std::stol(process)) + "/stat");
        return !state.empty() && state.find(") Z") == std::string::npos;
    };
    while (runs() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    CHECK_FALSE(runs());
}

TEST_CASE("as the daemon ends, so does its hook", "[hook]") {
    const StopEvent stop;
    stop.set();
    CHECK(run_hook(order_of("sleep 1000"), stop.fd()).end == HookEnd::stopped);
    // Also one that does not want to.
    CHECK(run_hook(order_of("trap '' TERM; while :; do sleep 1000; done"), stop.fd()).end ==
          HookEnd::stopped);
}
