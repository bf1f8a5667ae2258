#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "protocol/base/expected.hpp"

namespace dynavg::daemon {

/// A daemon without peers has some forty files open, its metrics included; the rest is room for a
/// peer and for a question to the control socket.
inline constexpr std::uint64_t kOpenFilesMin = 64;
/// A warning is due when fewer than this are left: a peer takes some ten.
inline constexpr std::uint64_t kOpenFilesSpare = 12;

/// Files and connections of this process.
struct OpenFiles {
    std::uint64_t open = 0;
    std::uint64_t limit = 0;

    [[nodiscard]] bool are_few() const { return open + kOpenFilesSpare > limit; }
};

/// None where the system does not tell.
[[nodiscard]] std::optional<OpenFiles> count_open_files();

/// Takes as many as the system grants.
void raise_limit_of_open_files();

/// Whether a daemon can start with so many. The failure says what the limit is and where it is set.
[[nodiscard]] Expected<void, Error> check_open_files(const OpenFiles& files);

/// The warning that few are left, with its remedy.
[[nodiscard]] std::string open_files_text(const OpenFiles& files);

/// The message for a failure at start, or for one that ends the loop; it says so where the cause is
/// a lack of open files.
[[nodiscard]] Error told_as_error(const std::exception& failure);

}  // namespace dynavg::daemon
