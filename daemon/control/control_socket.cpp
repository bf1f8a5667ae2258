#include "daemon/control/control_socket.hpp"

#include <cerrno>
#include <cstring>
#include <system_error>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dynavg::daemon {

namespace {

constexpr mode_t kSocketMode = 0660;

Unexpected<Error> failed(const std::filesystem::path& path, std::string_view what, int reason) {
    return fail(
        fmt::format("control socket {}: {}: {}", path.string(), what, std::strerror(reason)));
}

/// Makes room for a new socket file.
Expected<void, Error> remove_stale(const std::filesystem::path& path) {
    struct stat found {};
    if (lstat(path.c_str(), &found) != 0) {
        if (errno == ENOENT) return {};
        return failed(path, "can't be looked at", errno);
    }
    if (!S_ISSOCK(found.st_mode)) {
        return fail(
            fmt::format("control socket {}: a file that is no socket has this name; remove "
                        "it or choose another [node] control",
                        path.string()));
    }
    const posix::Descriptor probe = control::connect_unix(path);
    if (probe.is_open() || errno == EAGAIN) {
        return fail(
            fmt::format("control socket {}: another dynavgd runs with this control socket; "
                        "stop it or choose another [node] control",
                        path.string()));
    }
    if (errno != ECONNREFUSED && errno != ENOENT) return failed(path, "can't be tried", errno);
    if (unlink(path.c_str()) != 0 && errno != ENOENT) {
        return failed(path, "a dead daemon's socket can't be removed", errno);
    }
    return {};
}

}  // namespace

Expected<ControlSocket, Error> ControlSocket::listen(const std::filesystem::path& path,
                                                     int backlog) {
    const auto address = control::unix_address(path);
    if (!address) {
        return fail(
            fmt::format("control socket {}: a socket's path has 1 to 107 bytes; choose a "
                        "shorter [node] control",
                        path.string()));
    }
    const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) {
        return fail(
            fmt::format("control socket {}: the folder {} does not exist; create it or "
                        "choose another [node] control",
                        path.string(), folder.string()));
    }
    if (const auto removed = remove_stale(path); !removed) {
        return Unexpected<Error>(removed.error());
    }

    posix::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) return failed(path, "no socket", errno);
    // The file gets the mode of the socket, so that it never stands open to others.
    if (fchmod(socket.number(), kSocketMode) != 0) return failed(path, "mode", errno);
    const auto* const name = reinterpret_cast<const sockaddr*>(&*address);
    if (bind(socket.number(), name, sizeof *address) != 0) return failed(path, "bind", errno);
    ControlSocket result(std::move(socket), path);
    // The umask may have taken the group's rights away.
    if (chmod(path.c_str(), kSocketMode) != 0) return failed(path, "mode", errno);
    struct stat made {};
    if (lstat(path.c_str(), &made) != 0) return failed(path, "was removed", errno);
    result.m_device = made.st_dev;
    result.m_inode = made.st_ino;
    if (::listen(result.m_socket.number(), backlog) != 0) return failed(path, "listen", errno);
    return result;
}

gid_t ControlSocket::group() const {
    struct stat found {};
    return lstat(m_path.c_str(), &found) == 0 ? found.st_gid : getegid();
}

void ControlSocket::remove_file() const {
    struct stat found {};
    if (lstat(m_path.c_str(), &found) != 0) return;
    if (found.st_dev == m_device && found.st_ino == m_inode) unlink(m_path.c_str());
}

}  // namespace dynavg::daemon
