#include "control/unix_socket.hpp"

#include <cerrno>
#include <cstring>

namespace dynavg::control {

std::optional<sockaddr_un> unix_address(const std::filesystem::path& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string& text = path.native();
    if (text.empty() || text.size() >= sizeof address.sun_path) return std::nullopt;
    std::memcpy(address.sun_path, text.data(), text.size());
    return address;
}

posix::Descriptor connect_unix(const std::filesystem::path& path) {
    const auto address = unix_address(path);
    if (!address) {
        errno = ENAMETOOLONG;
        return posix::Descriptor();
    }
    posix::Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!socket.is_open()) return socket;
    // Unlike TCP, a Unix socket connects at once or not at all.
    if (connect(socket.number(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) ==
        0) {
        return socket;
    }
    socket.close();
    return socket;
}

}  // namespace dynavg::control
