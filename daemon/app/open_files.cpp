#include "daemon/app/open_files.hpp"

#include <cerrno>
#include <system_error>

#include <boost/system/system_error.hpp>
#include <dirent.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <zmq.hpp>

namespace dynavg::daemon {

namespace {

constexpr const char* kRaise =
    "raise it with LimitNOFILE= in the unit (systemctl edit dynavgd), or `ulimit -n` in a shell";

bool is_lack(int error) {
    return error == EMFILE || error == ENFILE;
}

/// The number that the system gave, or 0.
int error_number(const std::exception& failure) {
    if (const auto* zeromq = dynamic_cast<const zmq::error_t*>(&failure)) return zeromq->num();
    if (const auto* asio = dynamic_cast<const boost::system::system_error*>(&failure)) {
        return asio->code().value();
    }
    if (const auto* standard = dynamic_cast<const std::system_error*>(&failure)) {
        return standard->code().value();
    }
    return 0;
}

std::optional<std::uint64_t> limit_of_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return std::nullopt;
    return limit.rlim_cur;
}

}  // namespace

std::optional<OpenFiles> count_open_files() {
    const auto limit = limit_of_open_files();
    if (!limit) return std::nullopt;
    DIR* const folder = opendir("/proc/self/fd");
    if (folder == nullptr) {
        // Not even this one is left.
        return is_lack(errno) ? std::optional(OpenFiles{*limit, *limit}) : std::nullopt;
    }
    std::uint64_t names = 0;
    while (readdir(folder) != nullptr) ++names;
    closedir(folder);
    constexpr std::uint64_t kNoFiles = 3;  // ".", ".." and the folder itself.
    return OpenFiles{names > kNoFiles ? names - kNoFiles : 0, *limit};
}

void raise_limit_of_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

Expected<void, Error> check_open_files(const OpenFiles& files) {
    if (files.limit >= files.open + kOpenFilesMin) return {};
    return fail(fmt::format(
        "this process may have {} files and connections open and has {} already; dynavgd needs {} "
        "more to start, and some ten for each peer: the limit of open files is too low; {}",
        files.limit, files.open, kOpenFilesMin, kRaise));
}

std::string open_files_text(const OpenFiles& files) {
    return fmt::format(
        "{} of the {} files and connections that this process may have open are in use: without "
        "more, peers are not dialed and files not written; {}",
        files.open, files.limit, kRaise);
}

Error told_as_error(const std::exception& failure) {
    if (!is_lack(error_number(failure))) {
        return {fmt::format("unexpected failure: {}", failure.what())};
    }
    const auto limit = limit_of_open_files();
    return {fmt::format(
        "no further file or connection can be opened ({}): the limit of open files is {}; {}",
        failure.what(), limit ? fmt::to_string(*limit) : "unknown", kRaise)};
}

}  // namespace dynavg::daemon
