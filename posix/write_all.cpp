#include "posix/write_all.hpp"

#include <cerrno>

#include <unistd.h>

namespace dynavg::posix {

namespace {

/// `write` writes what is left, beginning behind so many bytes.
template <class Write>
int all(std::span<const std::byte> bytes, Write write) {
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t written = write(bytes.subspan(done), done);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return EIO;
        done += static_cast<std::size_t>(written);
    }
    return 0;
}

}  // namespace

int write_all(int descriptor, std::span<const std::byte> bytes) {
    return all(bytes, [descriptor](std::span<const std::byte> left, std::size_t /*done*/) {
        return ::write(descriptor, left.data(), left.size());
    });
}

int write_all_at(int descriptor, std::size_t offset, std::span<const std::byte> bytes) {
    return all(bytes, [descriptor, offset](std::span<const std::byte> left, std::size_t done) {
        return ::pwrite(descriptor, left.data(), left.size(), static_cast<off_t>(offset + done));
    });
}

}  // namespace dynavg::posix
