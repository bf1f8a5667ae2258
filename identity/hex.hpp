#pragma once

#include <optional>
#include <string>

#include "identity/keys.hpp"

namespace dynavg::identity {

/// 64 digits and the end of the line: how a secret lies in a file. The caller wipes it.
[[nodiscard]] std::string hex_line(const SecretKey& secret);
/// Wipes `text`. Nothing if it is no such line.
[[nodiscard]] std::optional<SecretKey> secret_from_hex_line(std::string& text);

inline constexpr std::size_t kHexLineBytes = 2 * kKeyBytes + 1;

}  // namespace dynavg::identity
