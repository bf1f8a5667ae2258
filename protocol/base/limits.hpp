#pragma once

#include <cstddef>
#include <cstdint>

#include "protocol/base/instant.hpp"

/// Every bound on the memory and the work that peers may cause, in one place.
namespace dynavg::protocol::limits {

/// Peers known, live or not. A full mesh serves to about a hundred.
inline constexpr std::size_t kPeersMax = 256;
inline constexpr std::size_t kRosterMembersMax = kPeersMax;
inline constexpr std::size_t kAccusationsMax = 4 * kPeersMax;
/// Epochs whose digest and roster are remembered, and sent to a peer that is behind.
inline constexpr std::size_t kHistoryEpochsMax = 1024;
/// So many with the largest rosters fit into a control message.
inline constexpr std::size_t kHistoryEntriesPerMessageMax = 20;
/// Peers that leave with one round.
inline constexpr std::size_t kLeavingMax = 64;

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
/// The interval grows up to here on slow links, else repetitions would clog them.
inline constexpr Duration kChunkRetryIntervalMax = std::chrono::seconds(4);

/// A member whose contribution does not come for so long, or for four times the longest gap so
/// far, though its heartbeats are heard, has a broken bulk link.
inline constexpr Duration kStallTimeout = std::chrono::seconds(10);

/// A peer whose sending is capped gives each waiting peer a chunk at least this often: well below
/// kStallTimeout and kPullTimeout, so that nobody takes it for broken.
inline constexpr Duration kPacedChunkInterval = kStallTimeout / 2;
inline constexpr Duration kPacedReferenceInterval = std::chrono::seconds(1);
/// A peer asks for no more at a time: of a contribution, of a mean and of a reference.
inline constexpr std::size_t kPacedChunksPerPeerMax = std::size_t{3} * kChunksInFlightMax;

/// How often an open round is looked at, and its status repeated.
inline constexpr Duration kRoundTick = std::chrono::milliseconds(50);
inline constexpr Duration kRoundWordInterval = std::chrono::milliseconds(200);
/// Without progress for so long, another source is asked for a reference.
inline constexpr Duration kPullTimeout = std::chrono::seconds(2);
/// A peer without a reference of rounds waits so long for the first heartbeat of a peer that has
/// joined: that peer may have the reference of a network.
inline constexpr Duration kFirstHeartbeatPatience = std::chrono::seconds(3);
/// A question for the voters behind a foreign reference is asked again.
inline constexpr Duration kForkRetryInterval = std::chrono::seconds(1);
/// How much one peer may count, for one that counts 1 or its samples.
inline constexpr float kWeightMin = 1;
inline constexpr float kWeightMax = 1e12F;
/// cascade, free pace: a peer that hears that a sketch is needed tells its own for so long, and
/// after so long the linear bound decides alone.
inline constexpr Duration kSketchPatience = std::chrono::seconds(1);
/// Lockstep: a missing state is asked for, at most this often.
inline constexpr Duration kStateRetryInterval = std::chrono::milliseconds(100);
/// The longest that a network may ask for between two states of a peer.
inline constexpr Duration kStateIntervalMax = std::chrono::hours(1);
/// How often the drift of a peer that no round could take in may call for one.
inline constexpr Duration kMissedRoundsRetryInterval = std::chrono::seconds(30);
/// When a person may have set something, Unix time: far from where a later one would overflow.
inline constexpr std::uint64_t kSetAtMsMax = std::uint64_t{1} << 53U;
/// For peers of whose arrivals nothing is known.
inline constexpr Duration kSuspicionTimeoutDefault = std::chrono::seconds(3);
/// No round tries so often; a larger number is a lie, and must not overflow ours.
inline constexpr std::uint32_t kAttemptMax = 1U << 20U;
/// A peer whose own vote is a quorum waits so long for another member to have the value on disk.
inline constexpr Duration kSecondHolderPatience = std::chrono::seconds(2);
/// An attempt without progress for so many suspicion timeouts starts anew.
inline constexpr int kAttemptSuspicionTimes = 6;

}  // namespace dynavg::protocol::limits
