#include "posix/replace_file.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/write_all.hpp"

namespace dynavg::posix {

namespace {

constexpr mode_t kAnyMode = 0666;
constexpr mode_t kModeBits = 07777;

std::string_view advice_for(int reason) {
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

Unexpected<Error> failed(const std::filesystem::path& path, int reason, std::string_view advice) {
    return fail(fmt::format("cannot write {}: {}; {}", path.string(),
                            std::generic_category().message(reason),
                            advice.empty() ? advice_for(reason) : advice));
}

/// Between opening and locking another writer may have renamed it into place. One with a second
/// name is a file that was put in place just before a crash: it must not be written over.
bool is_still_alone(const Descriptor& file, const Descriptor& folder, const std::string& name) {
    struct stat opened {};
    struct stat named {};
    return ::fstat(file.number(), &opened) == 0 &&
           ::fstatat(folder.number(), name.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           opened.st_dev == named.st_dev && opened.st_ino == named.st_ino && opened.st_nlink == 1;
}

/// Open, locked and empty; or not open, and errno says why.
Descriptor open_temporary(const Descriptor& folder, const std::string& name,
                          const ReplaceOptions& options) {
    constexpr int kTries = 100;
    const int how = options.second_writer == SecondWriter::waits ? LOCK_EX : LOCK_EX | LOCK_NB;
    for (int i = 0; i < kTries; ++i) {
        Descriptor file(::openat(folder.number(), name.c_str(),
                                 O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
                                 options.mode.value_or(kAnyMode)));
        if (!file.is_open()) return file;
        int locked = 0;
        do {
            locked = ::flock(file.number(), how);
        } while (locked != 0 && errno == EINTR);
        if (locked != 0) return Descriptor();
        if (is_still_alone(file, folder, name)) {
            return ::ftruncate(file.number(), 0) == 0 ? std::move(file) : Descriptor();
        }
        struct stat facts {};
        const bool has_second_name = ::fstat(file.number(), &facts) == 0 && facts.st_nlink > 1;
        if (has_second_name) ::unlinkat(folder.number(), name.c_str(), 0);
    }
    errno = EWOULDBLOCK;
    return Descriptor();
}

/// 0, or errno.
int give_to(const Descriptor& file, const Descriptor& folder, const std::string& name,
            const ReplaceOptions& options) {
    struct stat owner {};
    auto mode = options.mode;
    bool is_given = options.owner == Owner::of_folder;
    if (is_given && ::fstat(folder.number(), &owner) != 0) return errno;
    if (options.owner == Owner::of_replaced &&
        ::fstatat(folder.number(), name.c_str(), &owner, AT_SYMLINK_NOFOLLOW) == 0) {
        is_given = true;
        mode = owner.st_mode & kModeBits;
    }
    // Only root can do this: others' files are their own already.
    if (is_given && ::geteuid() == 0 && ::fchown(file.number(), owner.st_uid, owner.st_gid) != 0) {
        return errno;
    }
    if (mode && ::fchmod(file.number(), *mode) != 0) return errno;
    return 0;
}

/// 0, or errno.
int put_in_place(const Descriptor& folder, const std::string& temporary, const std::string& name,
                 Existing existing) {
    const int at = folder.number();
    if (existing == Existing::replaced) {
        return ::renameat(at, temporary.c_str(), at, name.c_str()) == 0 ? 0 : errno;
    }
    // A link, unlike a rename, never replaces.
    const bool linked = ::linkat(at, temporary.c_str(), at, name.c_str(), 0) == 0;
    const int reason = linked || errno == EEXIST ? 0 : errno;
    ::unlinkat(at, temporary.c_str(), 0);
    return reason;
}

}  // namespace

int replace_file_at(const Descriptor& folder, const std::string& temporary, const std::string& name,
                    std::span<const std::span<const std::byte>> parts,
                    const ReplaceOptions& options) {
    const Descriptor file = open_temporary(folder, temporary, options);
    if (!file.is_open()) return errno;
    int reason = give_to(file, folder, name, options);
    for (const auto& part : parts) {
        if (reason == 0) reason = write_all(file.number(), part);
    }
    if (reason == 0 && ::fsync(file.number()) != 0) reason = errno;
    if (reason == 0) reason = put_in_place(folder, temporary, name, options.existing);
    if (reason != 0) {
        ::unlinkat(folder.number(), temporary.c_str(), 0);
        return reason;
    }
    return ::fsync(folder.number()) == 0 ? 0 : errno;
}

Expected<void, Error> replace_file(const std::filesystem::path& path,
                                   std::span<const std::span<const std::byte>> parts,
                                   const ReplaceOptions& options) {
    struct stat before {};
    if (::lstat(path.c_str(), &before) == 0 && !S_ISREG(before.st_mode)) {
        if (options.existing == Existing::kept) return {};
        return fail(S_ISLNK(before.st_mode)
                        ? fmt::format("cannot write {}: it is a link and no file; name the file "
                                      "that it leads to, or choose another name",
                                      path.string())
                        : fmt::format("cannot write {}: it is there and is no file; choose "
                                      "another name",
                                      path.string()));
    }
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return failed(path, errno, options.advice);
    const std::string name = path.filename().string();
    const int reason = replace_file_at(directory, "." + name + ".new", name, parts, options);
    if (reason == EWOULDBLOCK) {
        return fail(fmt::format("cannot write {}: another process is writing it; try again",
                                path.string()));
    }
    if (reason != 0) return failed(path, reason, options.advice);
    return {};
}

Expected<void, Error> replace_file(const std::filesystem::path& path, std::string_view text,
                                   const ReplaceOptions& options) {
    const std::array parts{bytes_of(text)};
    return replace_file(path, parts, options);
}

}  // namespace dynavg::posix
