#pragma once

#include <filesystem>

#include "identity/keys.hpp"
#include "protocol/base/expected.hpp"

namespace dynavg::identity {

/// In the state folder.
inline constexpr const char* kKeyFileName = "identity.key";

/// Reads the secret key in `folder`, or makes one, readable by its owner only (0600), if there is
/// none. It is then the node's for ever: another key is another peer. The folder's owner owns the
/// file, so that a tool run by root makes it for the service. The folder is made if need be.
///
/// Errors: a file that others can read, that is no key, or that cannot be read or written. Blocks
/// until the disk has a new key. Two processes that do so at once get the same key.
[[nodiscard]] Expected<Identity, Error> load_or_make_identity(const std::filesystem::path& folder);

/// The same, but a missing key is an error.
[[nodiscard]] Expected<Identity, Error> load_identity(const std::filesystem::path& folder);

}  // namespace dynavg::identity
