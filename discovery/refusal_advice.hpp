#pragma once

#include <string>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::discovery {

/// Fields of a refusal that are no settings of the network.
inline constexpr const char* kTrustField = "security.trusted_peers";
/// One identity in two places: in a network without keys it is made of the name, else it is a key.
inline constexpr const char* kNameField = "node.name";
inline constexpr const char* kKeyField = "node.key";
/// A life that is older than a known one at the same address.
inline constexpr const char* kLifeField = "node.incarnation";
inline constexpr const char* kRoomField = "limits.peers";
inline constexpr const char* kAdvertiseField = "node.advertise";
inline constexpr const char* kVersionField = "protocol.version";

enum class RefusedBy { us, them };

/// The advice for one identity in two places.
[[nodiscard]] std::string duplicate_advice(bool with_keys);

/// The advice for a refusal: one sentence for each cause, without a full stop at the end.
/// The person reads the log of `own`.
[[nodiscard]] std::string refusal_advice(const std::vector<protocol::FieldDifference>& differences,
                                         RefusedBy side, protocol::PeerId own,
                                         protocol::PeerId other);

}  // namespace dynavg::discovery
