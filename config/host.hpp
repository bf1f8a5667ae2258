#pragma once

#include <cstdint>
#include <string>

namespace dynavg::config {

enum class AddressFamily : std::uint8_t { ipv4, ipv6 };

/// This machine's first address that others may dial, neither loopback nor link-local; a loopback
/// address where it has no other. Without brackets.
[[nodiscard]] std::string first_interface_address(AddressFamily wanted);

}  // namespace dynavg::config
