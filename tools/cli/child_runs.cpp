#include "tools/cli/child_runs.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/cli/run_experiment.hpp"

namespace dynavg::cli {

namespace {

using Json = nlohmann::json;
using Clock = std::chrono::steady_clock;

/// A child tells of its progress at most so often.
constexpr std::chrono::milliseconds kProgressInterval(100);
/// A signal that comes just before the parent waits is seen after this time.
constexpr int kPollMilliseconds = 200;

// --- the child's end ----------------------------------------------------------------------------

/// Each message is a line of JSON; the parent reads until the pipe is closed.
void tell(int pipe, const Json& message) {
    const std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    std::string_view rest = line;
    while (!rest.empty()) {
        const ssize_t written = write(pipe, rest.data(), rest.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return;  // The parent is gone, and so is who would read.
        rest.remove_prefix(static_cast<std::size_t>(written));
    }
}

class Teller final : public simulation::ExperimentListener {
public:
    explicit Teller(int pipe) : m_pipe(pipe) {}
    void on_progress(const simulation::Progress& progress) override {
        const auto now = Clock::now();
        if (now - m_told < kProgressInterval) return;
        m_told = now;
        Json message{
            {"step", progress.step}, {"steps", progress.steps}, {"rounds", progress.rounds}};
        if (progress.accuracy_mean) message["accuracy"] = *progress.accuracy_mean;
        tell(m_pipe, message);
    }
    void on_warning(const std::string& sentence) override { tell(m_pipe, {{"warning", sentence}}); }

private:
    int m_pipe;
    Clock::time_point m_told{};
};

[[noreturn]] void be_child(const ChildRun& run, int pipe, pid_t parent) {
    // A Ctrl-C is for the parent, which passes it on once.
    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(1);
    signal(SIGPIPE, SIG_IGN);
    ChildEnd end;
    try {
        Teller teller(pipe);
        auto outcome = run(teller);
        end = outcome ? std::move(*outcome)
                      : ChildEnd{ChildEnd::Kind::failed, outcome.error().message};
    } catch (const std::exception& error) {
        end = {ChildEnd::Kind::failed, error.what()};
    }
    tell(pipe, {{"end", static_cast<int>(end.kind)}, {"text", end.text}});
    std::fflush(nullptr);
    _exit(0);
}

// --- the parent's end ---------------------------------------------------------------------------

struct Child {
    std::size_t index = 0;
    pid_t process = 0;
    int pipe = -1;
    std::string unread;  ///< The beginning of a line.
    std::optional<ChildEnd> end;
};

class Parent {
public:
    Parent(const std::vector<ChildRun>& runs, std::size_t jobs, ChildListener& listener)
        : m_runs(runs), m_jobs(jobs), m_listener(listener) {}

    void run() {
        while (true) {
            while (!was_interrupted() && m_next < m_runs.size() && m_children.size() < m_jobs) {
                start(m_next++);
            }
            if (m_children.empty()) return;
            if (was_interrupted() && !std::exchange(m_is_stopping, true)) {
                for (const Child& child : m_children) kill(child.process, SIGINT);
            }
            wait_for_messages();
        }
    }

private:
    void start(std::size_t index) {
        m_listener.on_start(index);
        std::array<int, 2> ends{};
        if (pipe(ends.data()) != 0) return fail_to_start(index);
        // Buffered output would be written by both.
        std::fflush(nullptr);
        const pid_t parent = getpid();
        const pid_t process = fork();
        if (process == 0) {
            close(ends[0]);
            for (const Child& other : m_children) close(other.pipe);
            be_child(m_runs[index], ends[1], parent);
        }
        const int error = errno;
        close(ends[1]);
        if (process < 0) {
            close(ends[0]);
            errno = error;
            return fail_to_start(index);
        }
        m_children.push_back({index, process, ends[0], "", std::nullopt});
    }

    void fail_to_start(std::size_t index) {
        m_listener.on_end(index, {ChildEnd::Kind::failed,
                                  fmt::format("can't be started: {}", std::strerror(errno))});
    }

    void wait_for_messages() {
        std::vector<pollfd> pipes;
        for (const Child& child : m_children) pipes.push_back({child.pipe, POLLIN, 0});
        if (poll(pipes.data(), pipes.size(), kPollMilliseconds) <= 0) return;
        for (std::size_t i = 0; i < pipes.size(); ++i) {
            if (pipes[i].revents != 0) read_from(m_children[i]);
        }
        std::erase_if(m_children, [](const Child& child) { return child.pipe < 0; });
    }

    void read_from(Child& child) {
        std::array<char, 4096> buffer{};
        const ssize_t size = read(child.pipe, buffer.data(), buffer.size());
        if (size < 0 && errno == EINTR) return;
        if (size <= 0) return finish(child);
        child.unread.append(buffer.data(), static_cast<std::size_t>(size));
        for (std::size_t end = 0; (end = child.unread.find('\n')) != std::string::npos;) {
            hear(child, Json::parse(child.unread.substr(0, end)));
            child.unread.erase(0, end + 1);
        }
    }

    void hear(Child& child, const Json& message) {
        if (message.contains("end")) {
            child.end = ChildEnd{static_cast<ChildEnd::Kind>(message["end"].get<int>()),
                                 message["text"].get<std::string>()};
        } else if (message.contains("warning")) {
            m_listener.on_warning(child.index, message["warning"].get<std::string>());
        } else {
            simulation::Progress progress{message["step"], message["steps"], message["rounds"], {}};
            if (message.contains("accuracy")) progress.accuracy_mean = message["accuracy"];
            m_listener.on_progress(child.index, progress);
        }
    }

    void finish(Child& child) {
        close(std::exchange(child.pipe, -1));
        int status = 0;
        while (waitpid(child.process, &status, 0) < 0 && errno == EINTR) {
        }
        if (!child.end) {
            child.end = {ChildEnd::Kind::failed,
                         WIFSIGNALED(status)
                             ? fmt::format("its process was ended by signal {} ({})",
                                           WTERMSIG(status), strsignal(WTERMSIG(status)))
                             : fmt::format("its process ended with {}", WEXITSTATUS(status))};
        }
        m_listener.on_end(child.index, *child.end);
    }

    const std::vector<ChildRun>& m_runs;
    std::size_t m_jobs;
    ChildListener& m_listener;
    std::size_t m_next = 0;
    bool m_is_stopping = false;
    std::vector<Child> m_children;
};

}  // namespace

void run_children(const std::vector<ChildRun>& runs, std::size_t jobs, ChildListener& listener) {
    Parent(runs, jobs, listener).run();
}

}  // namespace dynavg::cli
