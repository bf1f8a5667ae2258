#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dynavg::doctor {

/// A process that listens at a port.
struct PortHolder {
    std::int64_t pid = 0;
    std::string name;
};

/// The sockets that are in the way of one that would listen at this address, by their inodes: of a
/// table as /proc/net/tcp and tcp6 are. Lines that are none are skipped. `address`: as such a table
/// writes it, hexadecimal digits without the port.
[[nodiscard]] std::vector<std::uint64_t> listening_inodes(std::string_view table,
                                                          std::string_view address,
                                                          std::uint16_t port);

/// An address as the kernel's tables write it.
[[nodiscard]] std::string table_address(std::span<const std::byte> bytes);

/// None if nobody listens there, or if this user may not know who. Looks through all processes.
[[nodiscard]] std::optional<PortHolder> holder_of(std::string_view address, std::uint16_t port);

}  // namespace dynavg::doctor
