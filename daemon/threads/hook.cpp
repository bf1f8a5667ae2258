#include "daemon/threads/hook.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "posix/descriptor.hpp"

// The header of glibc 2.36 does not say that its functions are C's.
extern "C" {
#include <sys/pidfd.h>
}

namespace dynavg::daemon {

using posix::Descriptor;

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// From SIGTERM to SIGKILL.
constexpr milliseconds kGrace{5000};
constexpr milliseconds kGraceAtTheEnd{1000};
/// Of what a hook writes so much is remembered.
constexpr std::size_t kTailBytes = 2048;
constexpr std::size_t kLineBytesMax = 200;
/// More than a pipe holds.
constexpr int kReadsAtTheEndMax = 64;

std::string text_of(int reason) {
    return std::generic_category().message(reason);
}

/// Its own process must not speak for the daemon to the service manager.
bool is_passed_on(std::string_view variable) {
    constexpr std::array<std::string_view, 4> kKept{
        "NOTIFY_SOCKET=", "WATCHDOG_PID=", "WATCHDOG_USEC=", "DYNAVG_"};
    return std::none_of(kKept.begin(), kKept.end(),
                        [&](std::string_view begin) { return variable.starts_with(begin); });
}

std::vector<std::string> environment_of(const HookOrder& order) {
    std::vector<std::string> variables;
    for (char** variable = environ; *variable != nullptr; ++variable) {
        if (is_passed_on(*variable)) variables.emplace_back(*variable);
    }
    for (const auto& [name, value] : order.environment) {
        variables.push_back(fmt::format("{}={}", name, value));
    }
    return variables;
}

std::vector<char*> pointers_to(std::vector<std::string>& texts) {
    std::vector<char*> pointers;
    for (std::string& text : texts) pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

/// Returns errno, and the process if that is 0.
int spawn(const HookOrder& order, int output, pid_t& process) {
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&files, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, output, STDERR_FILENO);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(
        &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    std::vector<std::string> command = order.command;
    std::vector<std::string> environment = environment_of(order);
    const int reason = posix_spawn(&process, command.front().c_str(), &files, &attributes,
                                   pointers_to(command).data(), pointers_to(environment).data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return reason;
}

/// The last line that is not empty; empty if there is none.
std::string last_line(const std::string& text) {
    const std::size_t end = text.find_last_not_of(" \r\n");
    if (end == std::string::npos) return "";
    const std::size_t before = text.rfind('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return text.substr(begin, std::min(end + 1 - begin, kLineBytesMax));
}

/// One run, from its start to its end.
class Run {
public:
    Run(pid_t process, int output, int stop_fd)
        : m_process(process), m_pidfd(pidfd_open(process, 0)), m_output(output), m_stop(stop_fd) {}

    [[nodiscard]] HookOutcome wait(milliseconds timeout) {
        const Wait first = wait_until(Clock::now() + timeout, Watch::stop);
        if (first == Wait::ended) return outcome();
        ::kill(-m_process, SIGTERM);
        const milliseconds grace = first == Wait::stopped ? kGraceAtTheEnd : kGrace;
        (void)wait_until(Clock::now() + grace, Watch::end);
        // Ends the rest of the group. Its number is not another group's before the process is
        // reaped.
        ::kill(-m_process, SIGKILL);
        reap();
        read_the_rest();
        if (first == Wait::stopped) return {HookEnd::stopped, {}};
        const auto seconds = std::chrono::duration<double>(timeout).count();
        return {HookEnd::failed,
                with_output(fmt::format("it was ended, as it ran for {:g} s", seconds))};
    }

private:
    enum class Wait : std::uint8_t { ended, late, stopped };
    enum class Watch : std::uint8_t { end, stop };

    [[nodiscard]] Wait wait_until(Clock::time_point deadline, Watch watch) {
        while (true) {
            const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
            if (left <= 0) return Wait::late;
            std::array<pollfd, 3> fds{{{m_pidfd.number(), POLLIN, 0},
                                       {m_output, POLLIN, 0},
                                       {watch == Watch::stop ? m_stop : -1, POLLIN, 0}}};
            const auto patience = std::min<std::int64_t>(left, 60'000);
            const int ready = ::poll(fds.data(), fds.size(), static_cast<int>(patience));
            if (ready < 0 && errno != EINTR) return Wait::late;
            if (ready <= 0) continue;
            if (fds[1].revents != 0) read_output();
            if (fds[0].revents != 0) return Wait::ended;
            if (fds[2].revents != 0) return Wait::stopped;
        }
    }

    /// False: nothing has come.
    bool read_output() {
        std::array<char, 4096> buffer{};
        const ssize_t size = ::read(m_output, buffer.data(), buffer.size());
        if (size <= 0) {
            if (size == 0) m_output = -1;
            return false;
        }
        m_tail.append(buffer.data(), static_cast<std::size_t>(size));
        if (m_tail.size() > kTailBytes) m_tail.erase(0, m_tail.size() - kTailBytes);
        return true;
    }

    /// The last words may still be in the pipe; a process that goes on writing is not listened to.
    void read_the_rest() {
        for (int reads = 0; reads < kReadsAtTheEndMax && m_output >= 0; ++reads) {
            if (!read_output()) return;
        }
    }

    int reap() {
        int status = 0;
        while (::waitpid(m_process, &status, 0) < 0 && errno == EINTR) {
        }
        return status;
    }

    [[nodiscard]] HookOutcome outcome() {
        const int status = reap();
        read_the_rest();
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
        const std::string how = WIFSIGNALED(status)
                                    ? fmt::format("signal {} ended it", WTERMSIG(status))
                                    : fmt::format("it ended with code {}", WEXITSTATUS(status));
        return {HookEnd::failed, with_output(how)};
    }

    [[nodiscard]] std::string with_output(const std::string& how) const {
        const std::string line = last_line(m_tail);
        return line.empty() ? how : fmt::format("{}: {}", how, line);
    }

    pid_t m_process;
    Descriptor m_pidfd;
    int m_output;
    int m_stop;
    std::string m_tail;
};

}  // namespace

HookOutcome run_hook(const HookOrder& order, int stop_fd) {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return {HookEnd::failed, fmt::format("it cannot be started: {}", text_of(errno))};
    }
    const Descriptor output(ends[0]);
    Descriptor input(ends[1]);
    // The program's end of it waits, as programs expect.
    (void)::fcntl(input.number(), F_SETFL, 0);
    pid_t process = 0;
    if (const int reason = spawn(order, input.number(), process); reason != 0) {
        return {HookEnd::failed, fmt::format("it cannot be started: {}", text_of(reason))};
    }
    input.close();
    return Run(process, output.number(), stop_fd).wait(order.timeout);
}

}  // namespace dynavg::daemon
