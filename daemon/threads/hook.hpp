#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dynavg::daemon {

struct HookOrder {
    std::vector<std::string> command;  ///< The whole path of a program, and its arguments.
    /// Added to the daemon's own variables, without those that its service manager set for it
    /// alone.
    std::vector<std::pair<std::string, std::string>> environment;
    std::chrono::milliseconds timeout{};
};

enum class HookEnd : std::uint8_t {
    done,     ///< With code 0.
    failed,   ///< It was not started, ended otherwise, or took too long and was ended.
    stopped,  ///< Ended, as the daemon ends.
};

struct HookOutcome {
    HookEnd end = HookEnd::done;
    /// failed: how, and the last line that it wrote: "it ended with code 3: no such host".
    std::string reason;
};

/// Runs a program that a person has configured, without a shell, and waits for its end: on a thread
/// that may wait. It is a process group of its own, sees no file of the daemon and reads nothing.
/// Its output is kept for the reason of a failure only. At the timeout, or once `stop_fd` can be
/// read, the group gets SIGTERM, and SIGKILL if that did not help. Never throws for anything that
/// the program does.
[[nodiscard]] HookOutcome run_hook(const HookOrder& order, int stop_fd);

}  // namespace dynavg::daemon
