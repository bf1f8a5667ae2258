#include "tools/cli/helper_program.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>

#include <fmt/format.h>
#include <unistd.h>

#include "tools/cli/ask_daemon.hpp"

namespace dynavg::cli {

ExitCode run_helper(const std::string& verb, char** arguments) {
    std::error_code error;
    const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::string program = "dynavg-" + verb;
    const std::array candidates{
        self.parent_path() / program,
        (self.parent_path() / "../libexec/dynavg" / program).lexically_normal()};
    for (const std::filesystem::path& candidate : candidates) {
        std::string name = candidate.string();
        arguments[0] = name.data();
        execv(name.c_str(), arguments);
        if (errno == ENOENT) continue;
        complain(fmt::format("{} can't be started: {}", name, std::strerror(errno)));
        return ExitCode::failed;
    }
    complain(
        fmt::format("{} needs the program {}, which is neither {} nor {}; it is in the "
                    "package dynavg, and built where LibTorch is (DYNAVG_TRAINING=ON)",
                    verb, program, candidates[0].string(), candidates[1].string()));
    return ExitCode::failed;
}

}  // namespace dynavg::cli
