#include "storage/posix_disk.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "posix/replace_file.hpp"
#include "posix/write_all.hpp"
#include "protocol/base/check.hpp"

namespace dynavg::storage {

using posix::Descriptor;

namespace {

constexpr std::string_view kLockName = "lock";
constexpr std::string_view kTemporaryPrefix = ".new-";
/// For the owner alone.
constexpr mode_t kMode = 0600;

bool is_lack_of_room(int reason) {
    return reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
}

/// The advice to a person.
std::string_view advice(int reason) {
    switch (reason) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG:
            return "free some space there, or set node.state_dir to a folder with more";
        case EACCES:
        case EPERM:
            return "give the user that runs dynavgd the right to write there, or set "
                   "node.state_dir to a folder of its own";
        case EROFS:
            return "mount it for writing, or set node.state_dir to another folder";
        case ENOENT:
        case ENOTDIR:
            return "make the folder, or set node.state_dir to another one";
        case EMFILE:
        case ENFILE:
            return "raise the limit of open files (LimitNOFILE)";
        default:
            return "look at the disk and at the system's log";
    }
}

std::string sentence(std::string_view what, std::string_view path, int reason) {
    return fmt::format("cannot {} {}: {}; {}", what, path, std::generic_category().message(reason),
                       advice(reason));
}

std::string temporary_name(const std::string& name) {
    return std::string(kTemporaryPrefix) + name;
}

/// A new folder survives a loss of power only if what holds it is synchronised.
void synchronise_ancestors(const std::string& path) {
    std::error_code ignored;
    auto folder = std::filesystem::absolute(path, ignored).lexically_normal();
    while (folder.has_relative_path()) {
        folder = folder.parent_path();
        const Descriptor open_folder(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (open_folder.is_open()) (void)::fsync(open_folder.number());
    }
}

/// The process that holds the lock has written its number there; empty if it cannot be read.
std::string holder_of(int descriptor) {
    std::array<char, 32> text{};
    const ssize_t size = ::pread(descriptor, text.data(), text.size(), 0);
    std::string holder(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
    holder.erase(
        std::find_if_not(holder.begin(), holder.end(), [](char c) { return c >= '0' && c <= '9'; }),
        holder.end());
    return holder;
}

}  // namespace

PosixDisk::PosixDisk(std::string path, Descriptor folder, Descriptor lock)
    : m_path(std::move(path)), m_folder(std::move(folder)), m_lock(std::move(lock)) {}

PosixDisk::~PosixDisk() = default;

Expected<std::unique_ptr<PosixDisk>, Error> PosixDisk::open(const std::string& path) {
    std::error_code error;
    const bool made = std::filesystem::create_directories(path, error);
    if (error) return fail(sentence("make the state folder", path, error.value()));
    if (made) synchronise_ancestors(path);
    Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open()) return fail(sentence("open the state folder", path, errno));
    auto lock = lock_folder(path, folder);
    if (!lock) return Unexpected<Error>(std::move(lock.error()));
    std::unique_ptr<PosixDisk> disk(new PosixDisk(path, std::move(folder), std::move(*lock)));
    disk->remove_temporary_files();
    return disk;
}

Expected<std::unique_ptr<PosixDisk>, Error> PosixDisk::open_to_read(const std::string& path) {
    Descriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder.is_open() || ::access(path.c_str(), R_OK | X_OK) != 0) {
        const int reason = errno;
        return fail(fmt::format("cannot read the state folder {}: {}; {}", path,
                                std::generic_category().message(reason),
                                reason == EACCES
                                    ? "do it as root, or as the user that runs dynavgd"
                                    : "name the folder of a dynavgd (its node.state_dir)"));
    }
    return std::unique_ptr<PosixDisk>(new PosixDisk(path, std::move(folder), Descriptor()));
}

Expected<posix::Descriptor, Error> PosixDisk::lock_folder(const std::string& path,
                                                          const Descriptor& folder) {
    const std::string name(kLockName);
    Descriptor lock(::openat(folder.number(), name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kMode));
    if (!lock.is_open()) return fail(sentence("write to the state folder", path, errno));
    if (::flock(lock.number(), LOCK_EX | LOCK_NB) != 0) {
        const int reason = errno;
        if (reason != EWOULDBLOCK) return fail(sentence("lock the state folder", path, reason));
        const std::string holder = holder_of(lock.number());
        return fail(fmt::format(
            "the state folder {} is in use by another dynavgd{}: stop that one, or give each "
            "daemon a folder of its own (node.state_dir)",
            path, holder.empty() ? "" : fmt::format(" (process {})", holder)));
    }
    // For people; a full disk does not keep the folder from being used.
    const std::string holder = fmt::format("{}\n", ::getpid());
    if (::ftruncate(lock.number(), 0) == 0) {
        (void)posix::write_all_at(lock.number(), 0, posix::bytes_of(holder));
    }
    return lock;
}

void PosixDisk::remove_temporary_files() {
    std::error_code ignored;
    for (const auto& entry : std::filesystem::directory_iterator(m_path, ignored)) {
        const std::string name = entry.path().filename().string();
        if (name.starts_with(kTemporaryPrefix)) ::unlinkat(m_folder.number(), name.c_str(), 0);
    }
}

Unexpected<Error> PosixDisk::failed(const std::string& what, const std::string& name, int reason) {
    m_full = is_lack_of_room(reason);
    return fail(sentence(what, path_of(name), reason));
}

Expected<void, Error> PosixDisk::write(const std::string& name,
                                       std::span<const std::span<const std::byte>> parts) {
    DYNAVG_CHECK(m_lock.is_open());
    const int reason =
        posix::replace_file_at(m_folder, temporary_name(name), name, parts, {.mode = kMode});
    if (reason != 0) return failed("write", name, reason);
    m_full = false;
    return {};
}

Expected<void, Error> PosixDisk::overwrite(const std::string& name, std::size_t offset,
                                           std::span<const std::byte> bytes) {
    DYNAVG_CHECK(m_lock.is_open());
    const Descriptor file(::openat(m_folder.number(), name.c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.is_open()) return failed("write", name, errno);
    struct stat facts {};
    if (::fstat(file.number(), &facts) != 0) return failed("write", name, errno);
    if (offset + bytes.size() > static_cast<std::size_t>(facts.st_size)) {
        return failed("write", name, EFBIG);
    }
    if (const int reason = posix::write_all_at(file.number(), offset, bytes); reason != 0) {
        return failed("write", name, reason);
    }
    if (::fdatasync(file.number()) != 0) return failed("write", name, errno);
    return {};
}

Expected<void, Error> PosixDisk::rename(const std::string& from, const std::string& to) {
    DYNAVG_CHECK(m_lock.is_open());
    const int folder = m_folder.number();
    if (::renameat(folder, from.c_str(), folder, to.c_str()) != 0) {
        return failed("rename to", to, errno);
    }
    return synchronise_folder(to);
}

Expected<void, Error> PosixDisk::remove(const std::string& name) {
    DYNAVG_CHECK(m_lock.is_open());
    if (::unlinkat(m_folder.number(), name.c_str(), 0) != 0) {
        return errno == ENOENT ? Expected<void, Error>{} : failed("remove", name, errno);
    }
    return synchronise_folder(name);
}

Expected<void, Error> PosixDisk::synchronise_folder(const std::string& name) {
    if (::fsync(m_folder.number()) != 0) return failed("write", name, errno);
    m_full = false;
    return {};
}

Expected<Bytes, Error> PosixDisk::read(const std::string& name, std::size_t bytes_max) const {
    const auto failure = [&](int reason) { return fail(sentence("read", path_of(name), reason)); };
    const Descriptor file(::openat(m_folder.number(), name.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.is_open()) return failure(errno);
    struct stat facts {};
    if (::fstat(file.number(), &facts) != 0) return failure(errno);
    if (!S_ISREG(facts.st_mode)) return fail(path_of(name) + " is not a file");
    const auto size = static_cast<std::size_t>(facts.st_size);
    if (size > bytes_max) {
        return fail(fmt::format("{} has {} bytes, more than the {} that it can need", path_of(name),
                                size, bytes_max));
    }
    Bytes bytes(size);
    std::size_t filled = 0;
    while (filled < size) {
        const ssize_t count = ::read(file.number(), bytes.data() + filled, size - filled);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return failure(errno);
        if (count == 0) break;
        filled += static_cast<std::size_t>(count);
    }
    bytes.resize(filled);
    return bytes;
}

std::vector<std::string> PosixDisk::list() const {
    std::vector<std::string> names;
    std::error_code error;
    for (auto entry = std::filesystem::directory_iterator(m_path, error);
         !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        std::string name = entry->path().filename().string();
        if (name != kLockName && !name.starts_with(kTemporaryPrefix)) {
            names.push_back(std::move(name));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

std::optional<std::uint64_t> PosixDisk::free_bytes() const {
    struct statvfs found {};
    if (fstatvfs(m_folder.number(), &found) != 0) return std::nullopt;
    return static_cast<std::uint64_t>(found.f_bavail) * found.f_frsize;
}

std::string PosixDisk::path_of(const std::string& name) const {
    return name.empty() ? m_path : (std::filesystem::path(m_path) / name).string();
}

}  // namespace dynavg::storage
