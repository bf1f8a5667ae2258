#pragma once

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::daemon {

/// The end of a notification socket that systemd would hold, named in this process's environment
/// while it lives.
class FakeManager {
public:
    explicit FakeManager(const char* watchdog_usec = nullptr)
        : m_socket(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
        const std::string path = (m_folder / "notify").string();
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path.size() < sizeof address.sun_path);
        std::memcpy(address.sun_path, path.data(), path.size());
        REQUIRE(bind(m_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
        setenv("NOTIFY_SOCKET", path.c_str(), 1);
        if (watchdog_usec != nullptr) setenv("WATCHDOG_USEC", watchdog_usec, 1);
    }
    ~FakeManager() {
        unsetenv("NOTIFY_SOCKET");
        unsetenv("WATCHDOG_USEC");
        close(m_socket);
    }
    FakeManager(const FakeManager&) = delete;
    FakeManager& operator=(const FakeManager&) = delete;

    /// The next message; empty if none comes.
    [[nodiscard]] std::string next() {
        pollfd ready{.fd = m_socket, .events = POLLIN, .revents = 0};
        if (poll(&ready, 1, kPatienceMs) <= 0) return {};
        std::array<char, 4096> buffer{};
        const ssize_t size = recv(m_socket, buffer.data(), buffer.size(), 0);
        return size > 0 ? std::string(buffer.data(), static_cast<std::size_t>(size)) : "";
    }
    /// The next message that has this in it; empty if none comes.
    [[nodiscard]] std::string next_with(const std::string& text) {
        while (true) {
            std::string message = next();
            if (message.empty() || message.find(text) != std::string::npos) return message;
        }
    }

private:
    static constexpr int kPatienceMs = 30'000;
    test::TemporaryFolder m_folder;
    int m_socket;
};

}  // namespace dynavg::daemon
