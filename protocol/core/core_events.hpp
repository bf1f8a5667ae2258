#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/core/phase.hpp"
#include "protocol/monitor/monitor_kind.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/messages.hpp"

/// The log's events about rounds and references (docs/events.md), made of values: the words are
/// here, and NodeCore decides when to say them.
namespace dynavg::protocol {

/// A round is called.
[[nodiscard]] Event crossing_event(const Evidence& evidence, MonitorKind monitor);
/// A round is due, and no other peer has ever joined.
[[nodiscard]] Event training_alone_event();
/// A round is due and cannot be held: `live` peers are too few of the `body` that votes.
[[nodiscard]] Event round_impossible_event(const Roster& live, const Roster& body,
                                           const PeerTable& peers);
/// A roster is settled; `expected` counts the peers that the round should take in.
[[nodiscard]] Event round_started_event(const InRound& in, std::size_t expected);
/// An attempt has run out of time; `next` is the one that follows.
[[nodiscard]] Event round_timed_out_event(Epoch target, Attempt next);
[[nodiscard]] Event contribution_refused_event(const Member& member, const std::string& reason);
/// The round has committed its value.
[[nodiscard]] Event round_committed_event(const InRound& in, const Member& self,
                                          const Roster& expected, const PeerTable& peers,
                                          Instant now);
[[nodiscard]] Event merged_event(const InRound& in, const ReferenceId& before);
[[nodiscard]] Event adopted_event(const PeerId& source, const ReferenceId& before,
                                  const ReferenceId& after, Role role);
[[nodiscard]] Event fork_detected_event(const PeerId& from, const ReferenceId& own,
                                        const ReferenceId& theirs);
[[nodiscard]] Event state_refused_event(const PeerId& from);
/// A reference puts a threshold in force that a person has set; nothing if it has no new one.
[[nodiscard]] std::optional<Event> threshold_set_event(const Reference& before,
                                                       const Reference& after);

/// The peers that the round should take in: its candidates, and the voters on it, each once.
[[nodiscard]] Roster expected_members(const Round& round, const Roster& body);

}  // namespace dynavg::protocol
