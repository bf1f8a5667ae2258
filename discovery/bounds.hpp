#pragma once

#include <cstddef>

#include "protocol/base/instant.hpp"
#include "protocol/base/limits.hpp"

/// Every interval and bound of discovery, in one place.
namespace dynavg::discovery {

using namespace std::chrono_literals;

inline constexpr std::size_t kSeedsMax = protocol::limits::kPeersMax;
inline constexpr std::size_t kAddressBytesMax = 255;
inline constexpr std::size_t kNameBytesShown = 64;

/// Dialing an address that does not answer.
inline constexpr protocol::Duration kDialIntervalFirst = 500ms;
inline constexpr protocol::Duration kDialIntervalLast = 30s;
/// Dialing a suspected peer: a cut that heals, or a restart, is to be found within two seconds.
/// After kSuspectedDialEagerly the interval grows up to kDialIntervalLast.
inline constexpr protocol::Duration kSuspectedDialIntervalLast = 1500ms;
inline constexpr protocol::Duration kSuspectedDialEagerly = 5min;
/// Dialing one that refused us: it may be reconfigured.
inline constexpr protocol::Duration kRefusedIntervalFirst = 60s;
inline constexpr protocol::Duration kRefusedIntervalLast = 10min;

/// A seed is called unreachable after this long, or this long after its peer was lost.
inline constexpr protocol::Duration kSeedWarningAfter = 5s;
inline constexpr protocol::Duration kSeedLostWarningAfter = 5min;
inline constexpr protocol::Duration kSeedWarningIntervalFirst = 5min;
inline constexpr protocol::Duration kSeedWarningIntervalLast = 60min;

/// Addresses that peers told us: how many are remembered, from one source, and dialed at a time.
inline constexpr std::size_t kLearnedMax = protocol::limits::kPeersMax;
inline constexpr std::size_t kLearnedPerSourceMax = kLearnedMax / 2;
inline constexpr std::size_t kLearnedDialsInFlightMax = 8;
inline constexpr unsigned kLearnedDialsPerAddressMax = 5;
/// An address that did not answer rests for so long, however often it is told.
inline constexpr protocol::Duration kLearnedRest = 1min;

/// One random live peer is asked for its list.
inline constexpr protocol::Duration kPeersRequestInterval = 5s;
/// Sooner after somebody joined: many come at about the same time.
inline constexpr protocol::Duration kPeersRequestAfterJoin = 500ms;
/// One peer's requests are answered at most this often.
inline constexpr protocol::Duration kPeersReplyIntervalMin = 1s;

/// A peer that said Hello is there: its own address is dialed more eagerly, and given up if it does
/// not answer. At most so many at a time; the oldest makes room.
inline constexpr protocol::Duration kPendingDialIntervalLast = 4s;
inline constexpr unsigned kPendingDialsMax = 20;
inline constexpr std::size_t kPendingMax = protocol::limits::kPeersMax / 2;
/// A peer that is not live leaves the view after this; its address is dialed on, but slowly.
inline constexpr protocol::Duration kForgetAfter = 10min;
inline constexpr protocol::Duration kForgottenDialInterval = 5min;

/// A peer that still answers this long after its goodbye has not gone.
inline constexpr protocol::Duration kLeftGrace = 10s;

/// A life that a later one has replaced is told so this often.
inline constexpr protocol::Duration kFormerLifeWordInterval = 1s;

/// A peer that asks to be dialed back is answered once in so long; so many peers at a time.
inline constexpr protocol::Duration kProbeIntervalMin = 1s;
inline constexpr std::size_t kProbesOpenMax = 8;
inline constexpr protocol::Duration kProbeForgottenAfter = 30s;

/// The same refusal is logged this often, and all refusals together this many times within it.
inline constexpr protocol::Duration kRefusalLogInterval = 10min;
inline constexpr std::size_t kRefusalLogLinesMax = 60;

}  // namespace dynavg::discovery
