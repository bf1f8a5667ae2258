#include "identity/private_file.hpp"

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "posix/descriptor.hpp"
#include "posix/replace_file.hpp"

namespace dynavg::identity {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kAdvice =
    "check that the folder is there, that its owner is the user who runs this, and that the disk "
    "has room";

Unexpected<Error> failed(std::string_view what, const fs::path& path, int reason) {
    return fail(
        fmt::format("cannot {} {}: {}; {}", what, path.string(), std::strerror(reason), kAdvice));
}

Expected<void, Error> make_folder(const fs::path& folder) {
    std::error_code error;
    if (fs::is_directory(folder, error)) return {};
    error.clear();  // It tells of a folder that is not there, too.
    // Those above are for others too, whatever the umask: a service's folder lies in them.
    const fs::path above = folder.parent_path();
    if (!above.empty() && fs::create_directories(above, error)) {
        fs::permissions(above, fs::perms(0755), fs::perm_options::add, error);
    }
    if (!error) fs::create_directory(folder, error);
    if (error) return failed("make the folder", folder, error.value());
    if (chmod(folder.c_str(), S_IRWXU) != 0) return failed("protect", folder, errno);
    return {};
}

}  // namespace

Expected<void, Error> write_private_file(const fs::path& file, std::string_view text,
                                         Replace replace) {
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    if (auto made = make_folder(folder); !made) return made;
    return posix::replace_file(
        file, text,
        {.mode = S_IRUSR | S_IWUSR,
         // Root may write it for the service.
         .owner = posix::Owner::of_folder,
         .existing = replace == Replace::yes ? posix::Existing::replaced : posix::Existing::kept,
         .advice = kAdvice});
}

Expected<std::optional<std::string>, Error> read_private_file(const fs::path& file,
                                                              std::size_t bytes_max) {
    const posix::Descriptor in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!in.is_open() && errno == ENOENT) return std::nullopt;
    if (!in.is_open()) return failed("read", file, errno);
    struct stat about {};
    if (fstat(in.number(), &about) != 0) return failed("read", file, errno);
    if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        return fail(
            fmt::format("{} can be used by others than its owner (mode {:04o}): `chmod 600 "
                        "{}`; if a stranger may have read a key in it, remove it: a new one "
                        "is made",
                        file.string(), about.st_mode & 07777U, file.string()));
    }
    std::string text(bytes_max + 1, '\0');
    std::size_t size = 0;
    while (size < text.size()) {
        const ssize_t got = read(in.number(), text.data() + size, text.size() - size);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return failed("read", file, errno);
        if (got == 0) break;
        size += static_cast<std::size_t>(got);
    }
    if (size > bytes_max) {
        return fail(fmt::format("{} is longer than {} bytes: it was not written by dynavg",
                                file.string(), bytes_max));
    }
    text.resize(size);
    return text;
}

}  // namespace dynavg::identity
