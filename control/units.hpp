#pragma once

#include <cstdint>
#include <string>

/// Numbers for people.
namespace dynavg::control {

/// 999 B, 1.2 kB, 3.4 GB: powers of 1000.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace dynavg::control
