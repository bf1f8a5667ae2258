#pragma once

#include <filesystem>

#include <sys/types.h>

#include "control/unix_socket.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::daemon {

/// A listening Unix socket and its file.
class ControlSocket {
public:
    /// The socket file that a dead process left is replaced; that of a living one is an error.
    [[nodiscard]] static Expected<ControlSocket, Error> listen(const std::filesystem::path& path,
                                                               int backlog);
    ControlSocket(ControlSocket&&) noexcept = default;
    ControlSocket& operator=(ControlSocket&&) = delete;
    ~ControlSocket() = default;

    /// The listening socket, once.
    [[nodiscard]] int release() { return m_socket.release(); }
    /// The group of the file as it is now; the process's group if the file is gone.
    [[nodiscard]] gid_t group() const;
    /// Does nothing if the path belongs to another socket by now.
    void remove_file() const;

private:
    ControlSocket(posix::Descriptor socket, std::filesystem::path path)
        : m_socket(std::move(socket)), m_path(std::move(path)) {}

    posix::Descriptor m_socket;
    std::filesystem::path m_path;
    dev_t m_device{};
    ino_t m_inode{};
};

}  // namespace dynavg::daemon
