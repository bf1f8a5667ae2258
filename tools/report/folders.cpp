#include "tools/report/folders.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <set>
#include <system_error>

#include <fcntl.h>
#include <fmt/format.h>

#include "posix/descriptor.hpp"
#include "posix/replace_file.hpp"
#include "posix/write_all.hpp"
#include "tools/report/read.hpp"

namespace dynavg::report {

namespace fs = std::filesystem;

namespace {

/// More is not what `dynavg simulate` writes: a million rounds take less than a tenth of it.
constexpr std::size_t kFileBytesMax = std::size_t{1} << 30;
constexpr std::size_t kRunsMax = 10'000;
constexpr int kDepthMax = 16;
constexpr std::array kFiles{"run.json", "summary.json", "epochs.csv", "rounds.csv"};

bool is_run(const fs::path& folder) {
    std::error_code error;
    return std::any_of(kFiles.begin(), kFiles.end(),
                       [&](const char* file) { return fs::is_regular_file(folder / file, error); });
}

/// Nothing where there is no such file; a file that can't be read is told.
std::optional<std::string> text_of(const fs::path& file, std::vector<std::string>& problems) {
    std::error_code error;
    if (!fs::exists(file, error) && !error) return std::nullopt;
    std::string why;
    const std::uintmax_t size = error ? 0 : fs::file_size(file, error);
    if (error) {
        why = error.message();
    } else if (size > kFileBytesMax) {
        why = fmt::format("has {} bytes, and no run writes more than {}", size, kFileBytesMax);
    } else {
        errno = 0;
        std::ifstream stream(file, std::ios::binary);
        std::string text(static_cast<std::size_t>(size), '\0');
        stream.read(text.data(), static_cast<std::streamsize>(size));
        if (stream.is_open() && !stream.bad()) {
            text.resize(static_cast<std::size_t>(stream.gcount()));
            return text;
        }
        why = std::strerror(errno);
    }
    problems.push_back(
        fmt::format("{}: can't be read: {}; the report goes on without it", file.string(), why));
    return std::nullopt;
}

Run read_folder(const fs::path& folder) {
    std::vector<std::string> problems;
    const RunTexts texts{.run = text_of(folder / "run.json", problems),
                         .summary = text_of(folder / "summary.json", problems),
                         .epochs = text_of(folder / "epochs.csv", problems),
                         .rounds = text_of(folder / "rounds.csv", problems)};
    Run run = read_run(texts, folder, folder.lexically_normal().string());
    run.problems.insert(run.problems.begin(), problems.begin(), problems.end());
    return run;
}

Expected<void, Error> find_runs(const fs::path& folder, std::vector<fs::path>& found) {
    std::error_code error;
    const std::size_t before = found.size();
    if (!fs::exists(folder, error) && !error) {
        return fail(fmt::format("{}: no such folder; name one that `dynavg simulate --out` made",
                                folder.string()));
    }
    if (!error && !fs::is_directory(folder, error)) {
        return fail(fmt::format("{}: is no folder; name the folder of a run, or one above it",
                                folder.string()));
    }
    if (!error && is_run(folder)) found.push_back(folder);
    fs::recursive_directory_iterator walk(folder, error);
    for (; !error && walk != fs::recursive_directory_iterator(); walk.increment(error)) {
        if (walk.depth() >= kDepthMax) walk.disable_recursion_pending();
        if (walk->is_directory(error) && is_run(walk->path())) found.push_back(walk->path());
        if (found.size() > kRunsMax) {
            return fail(fmt::format("{}: has more than {} runs; name fewer folders",
                                    folder.string(), kRunsMax));
        }
    }
    if (error) {
        return fail(fmt::format("{}: can't be read: {}", folder.string(), error.message()));
    }
    if (found.size() > before) return {};
    return fail(
        fmt::format("{}: has no run in it: neither summary.json nor epochs.csv nor "
                    "rounds.csv; name a folder that `dynavg simulate --out` made",
                    folder.string()));
}

}  // namespace

Expected<std::vector<Run>, Error> read_runs(const std::vector<fs::path>& folders) {
    std::vector<fs::path> found;
    for (const fs::path& folder : folders) {
        if (auto walked = find_runs(folder, found); !walked) {
            return Unexpected<Error>(walked.error());
        }
    }
    std::sort(found.begin(), found.end());
    std::vector<Run> runs;
    std::set<fs::path> seen;
    for (const fs::path& folder : found) {
        std::error_code error;
        const fs::path real = fs::weakly_canonical(folder, error);
        if (!seen.insert(error ? folder : real).second) continue;
        runs.push_back(read_folder(folder));
    }
    return runs;
}

Expected<void, Error> write_file(const fs::path& file, const std::string& text) {
    std::error_code ignored;
    // A device or a pipe is written as it is.
    if (!fs::exists(file, ignored) || fs::is_regular_file(file, ignored)) {
        return posix::replace_file(file, text);
    }
    const posix::Descriptor device(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
    int reason = device.is_open() ? 0 : errno;
    if (reason == 0) reason = posix::write_all(device.number(), posix::bytes_of(text));
    if (reason == 0) return {};
    return fail(
        fmt::format("cannot write {}: {}", file.string(), std::generic_category().message(reason)));
}

}  // namespace dynavg::report
