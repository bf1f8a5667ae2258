#include "identity/private_file.hpp"

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace dynavg::identity {
namespace {

namespace fs = std::filesystem;

/// Closed with its owner.
class Descriptor {
public:
    explicit Descriptor(int number) : m_number(number) {}
    ~Descriptor() {
        if (m_number >= 0) close(m_number);
    }
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    [[nodiscard]] int number() const { return m_number; }
    [[nodiscard]] bool is_open() const { return m_number >= 0; }

private:
    int m_number;
};

Unexpected<Error> failed(std::string_view what, const fs::path& path, int reason) {
    return fail(
        fmt::format("cannot {} {}: {}; check that the folder is there, that its owner is "
                    "the user who runs this, and that the disk has room",
                    what, path.string(), std::strerror(reason)));
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

bool write_all(int file, std::string_view text) {
    while (!text.empty()) {
        const ssize_t written = write(file, text.data(), text.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) return false;
        text.remove_prefix(static_cast<std::size_t>(written));
    }
    return true;
}

/// 0, or why it failed.
int write_content(int file, int folder, std::string_view text) {
    struct stat owner {};
    if (fstat(folder, &owner) != 0) return errno;
    // Only root can and need do this: the service's own files are its own already.
    if (geteuid() == 0 && fchown(file, owner.st_uid, owner.st_gid) != 0) return errno;
    if (!write_all(file, text) || fsync(file) != 0) return errno;
    return 0;
}

int put_in_place(const std::string& temporary, const fs::path& file, Replace replace) {
    if (replace == Replace::yes) return rename(temporary.c_str(), file.c_str()) == 0 ? 0 : errno;
    // A link, unlike a rename, never replaces.
    const int reason = link(temporary.c_str(), file.c_str()) == 0 || errno == EEXIST ? 0 : errno;
    unlink(temporary.c_str());
    return reason;
}

}  // namespace

Expected<void, Error> write_private_file(const fs::path& file, std::string_view text,
                                         Replace replace) {
    const fs::path folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
    if (auto made = make_folder(folder); !made) return made;
    const Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!directory.is_open()) return failed("open", folder, errno);
    std::string temporary = file.string() + ".XXXXXX";
    const Descriptor out(mkostemp(temporary.data(), O_CLOEXEC));  // Mode 0600.
    if (!out.is_open()) return failed("write", file, errno);
    int reason = write_content(out.number(), directory.number(), text);
    if (reason == 0) reason = put_in_place(temporary, file, replace);
    if (reason == 0 && fsync(directory.number()) != 0) reason = errno;
    if (reason == 0) return {};
    unlink(temporary.c_str());
    return failed("write", file, reason);
}

Expected<std::optional<std::string>, Error> read_private_file(const fs::path& file,
                                                              std::size_t bytes_max) {
    const Descriptor in(open(file.c_str(), O_RDONLY | O_CLOEXEC));
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
