#include "control/unix_socket.hpp"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace dynavg::control {

std::optional<sockaddr_un> unix_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& text = path.native();
    if (text.empty() || text.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, text.data(), text.size());
    return address;
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
    std::swap(m_fd, other.m_fd);  // `other` closes ours.
    return *this;
}

FileDescriptor::~FileDescriptor() {
    if (m_fd >= 0) close(m_fd);
}

FileDescriptor connect_unix(const std::filesystem::path& path) {
    const auto address = unix_address(path);
    if (!address) {
        errno = ENAMETOOLONG;
        return FileDescriptor();
    }
    FileDescriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (socket.get() < 0) return socket;
    // Unlike TCP, a Unix socket connects at once or not at all.
    if (connect(socket.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) == 0) {
        return socket;
    }
    const int reason = errno;
    socket = FileDescriptor();
    errno = reason;
    return FileDescriptor();
}

}  // namespace dynavg::control
