#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "posix/descriptor.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::posix {

/// To whom the file belongs. Only root can give files away, so for others it is their own.
enum class Owner : std::uint8_t {
    process,      ///< The writer.
    of_folder,    ///< The owner and group of the folder.
    of_replaced,  ///< Those of the file that is replaced, whose mode stays too; else the process.
};

/// The fate of a file that is there.
enum class Existing : std::uint8_t { replaced, kept };

/// Of two processes that write one file.
enum class SecondWriter : std::uint8_t { waits, is_refused };

struct ReplaceOptions {
    std::optional<mode_t> mode{};  ///< None: 0666 less the umask.
    Owner owner = Owner::process;
    Existing existing = Existing::replaced;
    SecondWriter second_writer = SecondWriter::waits;
    /// The advice to a person if it fails; empty: one that fits the reason.
    std::string_view advice{};
};

/// Makes or replaces a file as a whole: written beside it under a temporary name (".NAME.new"),
/// synchronised, renamed, and the folder synchronised. So a reader of `path` finds the old file or
/// the new one, whole, also after a loss of power. A leftover of an earlier try that a crash ended
/// is written over. Something else than a file under that name is refused, a link too. Blocks until
/// the disk has answered. An Error says which path, the system's reason, and what to do; then the
/// old file is there, and nothing else.
[[nodiscard]] Expected<void, Error> replace_file(const std::filesystem::path& path,
                                                 std::span<const std::span<const std::byte>> parts,
                                                 const ReplaceOptions& options = {});
[[nodiscard]] Expected<void, Error> replace_file(const std::filesystem::path& path,
                                                 std::string_view text,
                                                 const ReplaceOptions& options = {});

/// The same inside an open folder, for a caller that has its own errors and its own temporary
/// names: 0, or errno; EWOULDBLOCK if another process writes it. `advice` is not read.
[[nodiscard]] int replace_file_at(const Descriptor& folder, const std::string& temporary,
                                  const std::string& name,
                                  std::span<const std::span<const std::byte>> parts,
                                  const ReplaceOptions& options = {});

}  // namespace dynavg::posix
