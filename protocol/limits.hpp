#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/instant.hpp"

/// Every bound on what peers may make us hold or do, in one place.
namespace dynavg::protocol::limits {

/// Peers known, live or not. A full mesh serves to about a hundred.
inline constexpr std::size_t kPeersMax = 256;
inline constexpr std::size_t kRosterMembersMax = kPeersMax;
inline constexpr std::size_t kAccusationsMax = 4 * kPeersMax;
/// Epochs whose digest and roster are remembered, and sent to a peer that is behind.
inline constexpr std::size_t kHistoryEpochsMax = 1024;
inline constexpr std::size_t kHistoryEntriesPerMessageMax = 64;

/// Fields by which two networks are compared, and their text.
inline constexpr std::size_t kNetworkFieldsMax = 64;
inline constexpr std::size_t kTextBytesMax = 512;
inline constexpr std::size_t kPeersPerMessageMax = kPeersMax;

/// Parameters and buffers of one model: 2 GiB of float32.
inline constexpr std::uint64_t kModelValuesMax = std::uint64_t{1} << 29;

/// A vector travels in pieces: a ZeroMQ heartbeat would cut one long message.
inline constexpr std::size_t kChunkBytes = 256 * 1024;
/// Chunks that a receiver asks of one peer at a time (its credit).
inline constexpr std::uint32_t kChunksInFlightMax = 4;
/// Requests of one peer kept for an exchange that has not started here yet.
inline constexpr std::size_t kPendingRequestsPerPeerMax = 2 * kChunksInFlightMax;

/// Gossip and direct messages. The state of the exact monitor is a whole model, hence its own.
inline constexpr std::size_t kControlMessageBytesMax = 256 * 1024;
inline constexpr std::size_t kStateValuesMax = std::size_t{1} << 26;
inline constexpr std::size_t kBulkHeaderBytesMax = 1024;

/// A chunk that did not come is asked for again.
inline constexpr Duration kChunkRetryInterval = std::chrono::milliseconds(500);

}  // namespace dynavg::protocol::limits
