#include "storage/replace_file.hpp"

#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dynavg::storage {

namespace {

std::string_view advice(int reason) {
    switch (reason) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return "free some space there, or write it to another disk";
        case EACCES:
        case EPERM:
        case EROFS:
            return "choose a folder that this user may write to";
        case ENOENT:
        case ENOTDIR:
            return "make the folder, or choose another one";
        default:
            return "look at the disk and at the system's log";
    }
}

Unexpected<Error> failed(const std::filesystem::path& path, int reason) {
    return fail(fmt::format("cannot write {}: {}; {}", path.string(),
                            std::generic_category().message(reason), advice(reason)));
}

class Descriptor {
public:
    explicit Descriptor(int number) : m_number(number) {}
    ~Descriptor() {
        if (m_number >= 0) ::close(m_number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return m_number; }

private:
    int m_number;
};

/// Between opening and locking another writer may have renamed it into place.
bool is_still(int descriptor, const std::string& path) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino;
}

int write_all(int descriptor, std::span<const std::span<const std::byte>> parts) {
    if (::ftruncate(descriptor, 0) != 0) return errno;
    for (const auto& part : parts) {
        if (const int reason = write_fully(descriptor, part); reason != 0) return reason;
    }
    return ::fsync(descriptor) == 0 ? 0 : errno;
}

}  // namespace

int write_fully(int descriptor, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        if (written == 0) return EIO;
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return 0;
}

Expected<void, Error> replace_file(const std::filesystem::path& path,
                                   std::span<const std::span<const std::byte>> parts) {
    struct stat before {};
    if (::lstat(path.c_str(), &before) == 0 && !S_ISREG(before.st_mode)) {
        return fail(fmt::format("cannot write {}: it is there and is no file; choose another name",
                                path.string()));
    }
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const std::string temporary = (folder / ("." + path.filename().string() + ".new")).string();
    const Descriptor file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666));
    if (file.number() < 0) return failed(path, errno);
    if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0 || !is_still(file.number(), temporary)) {
        return fail(fmt::format("cannot write {}: another process is writing it; try again",
                                path.string()));
    }
    if (const int reason = write_all(file.number(), parts); reason != 0) {
        ::unlink(temporary.c_str());
        return failed(path, reason);
    }
    if (::rename(temporary.c_str(), path.c_str()) != 0) {
        const int reason = errno;
        ::unlink(temporary.c_str());
        return failed(path, reason);
    }
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.number() < 0 || ::fsync(directory.number()) != 0) return failed(path, errno);
    return {};
}

}  // namespace dynavg::storage
