#pragma once

#include <csignal>
#include <optional>
#include <string>

namespace dynavg::daemon {

/// The signals that the loop takes: SIGTERM and SIGINT ask a daemon to end, SIGHUP to read its file
/// again.
[[nodiscard]] inline sigset_t taken_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    return signals;
}

/// Holds them back in this thread and in those that it starts, from before the first thread until
/// the loop can take them: so that none ends the process on the way there without a word.
class SignalsHeld {
public:
    SignalsHeld() {
        const sigset_t signals = taken_signals();
        pthread_sigmask(SIG_BLOCK, &signals, &m_before);
    }
    ~SignalsHeld() { pthread_sigmask(SIG_SETMASK, &m_before, nullptr); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

    /// The name of one that waits and asks to end.
    [[nodiscard]] static std::optional<std::string> pending() {
        sigset_t signals;
        sigemptyset(&signals);
        sigpending(&signals);
        if (sigismember(&signals, SIGTERM) == 1) return "SIGTERM";
        if (sigismember(&signals, SIGINT) == 1) return "SIGINT";
        return std::nullopt;
    }

private:
    sigset_t m_before{};
};

/// Lets them through to this thread for a while.
class SignalsReleased {
public:
    SignalsReleased() {
        const sigset_t signals = taken_signals();
        pthread_sigmask(SIG_UNBLOCK, &signals, &m_before);
    }
    ~SignalsReleased() { pthread_sigmask(SIG_SETMASK, &m_before, nullptr); }
    SignalsReleased(const SignalsReleased&) = delete;
    SignalsReleased& operator=(const SignalsReleased&) = delete;

private:
    sigset_t m_before{};
};

}  // namespace dynavg::daemon
