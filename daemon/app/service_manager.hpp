#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace dynavg::daemon {

/// Reports this process to a service manager (systemd with Type=notify), over the socket that the
/// environment names. Where there is none, no call does anything: so a daemon started by hand
/// behaves the same.
///
/// States: starting, until ready(); running, in which feed() must come more often than the watchdog
/// waits; stopping, from stopping() on, which ends the watchdog. A life of the daemon that is
/// followed by another in the same process goes back to starting with start_again().
///
/// Each call is one datagram that never blocks for long; one that is lost is repeated by the next
/// of its kind. One thread.
class ServiceManager {
public:
    using Duration = std::chrono::microseconds;

    /// How long a second life may take until it is ready().
    static constexpr std::chrono::minutes kStartMax{15};

    /// Asks the environment whether there is a watchdog, and how long it waits.
    ServiceManager();

    void ready(std::string_view status);
    /// One line for `systemctl status`; sent only if it is another than the last one.
    void status(std::string_view line);
    void feed();
    /// Has the watchdog act at once: the fault is known already.
    void trigger(std::string_view status);
    /// Not ready any more, for kStartMax at most.
    void start_again(std::string_view status);
    /// `time`: the longest that the end may take; it counts where it is more than the manager
    /// grants anyway.
    void stopping(std::string_view status, Duration time);

    [[nodiscard]] bool has_watchdog() const { return m_watchdog.has_value(); }

private:
    std::optional<Duration> m_watchdog;
    std::string m_status;
};

}  // namespace dynavg::daemon
