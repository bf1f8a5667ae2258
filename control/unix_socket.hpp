#pragma once

#include <filesystem>
#include <optional>
#include <utility>

#include <sys/socket.h>
#include <sys/un.h>

namespace dynavg::control {

/// None if the path does not fit: at most 107 bytes.
[[nodiscard]] std::optional<sockaddr_un> unix_address(const std::filesystem::path& path);

/// Owns a file descriptor.
class FileDescriptor {
public:
    explicit FileDescriptor(int fd = -1) : m_fd(fd) {}
    FileDescriptor(FileDescriptor&& other) noexcept : m_fd(std::exchange(other.m_fd, -1)) {}
    FileDescriptor& operator=(FileDescriptor&& other) noexcept;
    ~FileDescriptor();
    [[nodiscard]] int get() const { return m_fd; }
    [[nodiscard]] int release() { return std::exchange(m_fd, -1); }

private:
    int m_fd;
};

/// A new socket that does not block, connected to `path`; else errno says why not: ENOENT,
/// ECONNREFUSED (nobody listens any more), EAGAIN (somebody listens, but his queue is full),
/// EACCES.
[[nodiscard]] FileDescriptor connect_unix(const std::filesystem::path& path);

}  // namespace dynavg::control
