#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/wire/codec.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"

/// The structured parts of a peer's files, in the encoding of its messages. Decoding never throws
/// and never allocates more than a small multiple of the bytes that it reads, as codec.hpp says,
/// but for a history: at most limits::kHistoryEpochsMax rosters, of which equal ones are written
/// once. Big arrays of numbers lie beside these parts, raw.
namespace dynavg::protocol::wire {

/// The head of a file, before the encoded reference.
struct ReferenceHead {
    Epoch epoch;
    Prepared prepared;  ///< No ballot if the reference was adopted from others.
    bool operator==(const ReferenceHead&) const = default;
};

/// A LocalRecord without its arrays, of which it says the sizes.
struct LocalHead {
    Incarnation incarnation;
    ReferenceId reference;
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    std::optional<Epoch> frozen_for;
    std::uint64_t frozen_steps = 0;
    std::uint64_t drift_values = 0;
    std::uint64_t buffer_values = 0;
    std::uint64_t frozen_values = 0;
    std::uint64_t optimizer_bytes = 0;
    bool operator==(const LocalHead&) const = default;
};

[[nodiscard]] Bytes encode(const Promise& promise);
[[nodiscard]] Bytes encode(const ReferenceHead& head);
[[nodiscard]] Bytes encode(const LocalHead& head);
[[nodiscard]] Bytes encode(const NetworkFields& fields);
[[nodiscard]] Bytes encode(const KnownPeers& known);
/// Consecutive equal rosters are written once. At most limits::kHistoryEpochsMax entries (checked).
[[nodiscard]] Bytes encode(std::span<const HistoryEntry> entries);

[[nodiscard]] Expected<Promise, Error> decode_promise(std::span<const std::byte> bytes);
[[nodiscard]] Expected<ReferenceHead, Error> decode_reference_head(
    std::span<const std::byte> bytes);
[[nodiscard]] Expected<LocalHead, Error> decode_local_head(std::span<const std::byte> bytes);
[[nodiscard]] Expected<NetworkFields, Error> decode_network_fields(
    std::span<const std::byte> bytes);
[[nodiscard]] Expected<KnownPeers, Error> decode_known_peers(std::span<const std::byte> bytes);
/// Epochs grow.
[[nodiscard]] Expected<std::vector<HistoryEntry>, Error> decode_history(
    std::span<const std::byte> bytes);

/// No encoded Promise is longer.
inline constexpr std::size_t kPromiseBytesMax = 12 * 1024;

}  // namespace dynavg::protocol::wire
