#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol::wire {

using Bytes = std::vector<std::byte>;

/// A decoded message.
struct Envelope {
    std::uint8_t version = kProtocolVersionMax;
    Header header;
    Message message;
};

/// Cereal's portable binary archive: little-endian on the wire. Never fails: the caller keeps to
/// the limits (checked). A Chunk's payload is not in it.
[[nodiscard]] Bytes encode(const Header& header, const Message& message);

/// Never throws, never allocates more than a small multiple of bytes.size(), whatever the bytes.
/// Refuses: another version, an unknown kind, counts above limits.hpp or above what is left,
/// unsorted sets, numbers out of range (bool, enum), trailing bytes. The error says which.
[[nodiscard]] Expected<Envelope, Error> decode(std::span<const std::byte> bytes);

/// Digest of the state's encoding without a header; RoundStatus::state.
[[nodiscard]] Digest digest_of(const RoundState& state);

}  // namespace dynavg::protocol::wire
