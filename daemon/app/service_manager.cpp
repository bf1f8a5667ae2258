#include "daemon/app/service_manager.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

namespace dynavg::daemon {

namespace {

/// Whether anybody listens is no concern of the caller.
void notify(const std::string& state) {
    (void)sd_notify(0, state.c_str());
}

/// A field is a line.
std::string status_field(std::string_view line) {
    std::string field(line);
    std::replace(field.begin(), field.end(), '\n', ' ');
    return "STATUS=" + field;
}

std::string watchdog_field(ServiceManager::Duration timeout) {
    return fmt::format("WATCHDOG_USEC={}", timeout.count());
}

}  // namespace

ServiceManager::ServiceManager() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) > 0) m_watchdog.emplace(microseconds);
}

void ServiceManager::ready(std::string_view line) {
    m_status = line;
    std::string state = "READY=1\n" + status_field(line);
    if (m_watchdog) state += "\n" + watchdog_field(*m_watchdog) + "\nWATCHDOG=1";
    notify(state);
}

void ServiceManager::status(std::string_view line) {
    if (m_status == line) return;
    m_status = line;
    notify(status_field(line));
}

void ServiceManager::feed() {
    if (m_watchdog) notify("WATCHDOG=1");
}

void ServiceManager::trigger(std::string_view line) {
    m_status = line;
    notify(status_field(line) + (m_watchdog ? "\nWATCHDOG=trigger" : ""));
}

void ServiceManager::start_again(std::string_view line) {
    m_status = line;
    std::string state = status_field(line);
    if (m_watchdog) state += "\n" + watchdog_field(kStartMax);
    notify(state);
}

void ServiceManager::stopping(std::string_view line, Duration time) {
    m_status = line;
    notify(fmt::format("STOPPING=1\n{}\nEXTEND_TIMEOUT_USEC={}", status_field(line), time.count()));
}

}  // namespace dynavg::daemon
