#pragma once

#include <string>
#include <vector>

#include "protocol/wire/messages.hpp"

namespace dynavg::discovery {

/// How a field that one side does not have is shown.
inline constexpr const char* kNoField = "(none)";

/// Every field that differs, sorted by name. Fields that begin with "averaging." are not compared
/// if one side has none of them at all: it takes the other's.
[[nodiscard]] std::vector<protocol::FieldDifference> compare(const protocol::NetworkFields& ours,
                                                             const protocol::NetworkFields& theirs);

/// The "averaging." fields only.
[[nodiscard]] protocol::NetworkFields averaging_fields(const protocol::NetworkFields& fields);

/// All reasons why `ours` refuses `theirs`: fields, protocol versions that do not meet,
/// addresses that nobody could dial, and no averaging settings on either side.
[[nodiscard]] std::vector<protocol::FieldDifference> compare(const protocol::Hello& ours,
                                                             const protocol::Hello& theirs);

/// Cuts texts that are longer than a message takes, as one put together of several texts may be.
void cut_to_limits(std::vector<protocol::FieldDifference>& differences);

/// The same differences from the other side's point of view.
[[nodiscard]] std::vector<protocol::FieldDifference> swap_sides(
    std::vector<protocol::FieldDifference> differences);

/// "averaging.threshold: theirs 1, ours 5", one text per difference.
[[nodiscard]] std::vector<std::string> describe(
    const std::vector<protocol::FieldDifference>& differences);

/// "node-a (9f3a01c2)": printable whatever the peer calls itself.
[[nodiscard]] std::string display_name(const std::string& name, protocol::PeerId id);

}  // namespace dynavg::discovery
