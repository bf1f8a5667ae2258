#pragma once

#include <filesystem>
#include <optional>

#include <sys/socket.h>
#include <sys/un.h>

#include "posix/descriptor.hpp"

namespace dynavg::control {

/// None if the path does not fit: at most 107 bytes.
[[nodiscard]] std::optional<sockaddr_un> unix_address(const std::filesystem::path& path);

/// A new socket that does not block, connected to `path`; else errno says why not: ENOENT,
/// ECONNREFUSED (nobody listens any more), EAGAIN (somebody listens, but his queue is full),
/// EACCES.
[[nodiscard]] posix::Descriptor connect_unix(const std::filesystem::path& path);

}  // namespace dynavg::control
