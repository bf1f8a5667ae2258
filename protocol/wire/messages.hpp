#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/base/lockstep_position.hpp"
#include "protocol/base/role.hpp"
#include "protocol/monitor/local_state.hpp"
#include "protocol/reference/threshold_setting.hpp"

/// The messages between peers, as plain values; wire/codec.hpp makes bytes of them.
namespace dynavg::protocol {

/// Versions that this build speaks; a peer whose range does not meet ours is refused.
inline constexpr std::uint8_t kProtocolVersionMin = 3;
inline constexpr std::uint8_t kProtocolVersionMax = 3;

/// Comes before every message. 31 bytes on the wire with the archive's byte.
struct Header {
    NetworkId network;
    std::uint32_t sender_tag = 0;     ///< PeerId::tag(): a check; the connection says who it is.
    SequenceNumber sequence;          ///< Grows by one per message of a sender's incarnation; its
                                      ///< upper 24 bits are the incarnation's.
    Epoch epoch;                      ///< The sender's reference,
    std::uint64_t reference_tag = 0;  ///< and Digest::high of it.
    bool operator==(const Header&) const = default;
};

/// Where a peer can be reached, as "host:port".
struct Endpoints {
    std::string direct;  ///< ROUTER; named by configurations and peers.
    std::string gossip;  ///< PUB.
    std::string bulk;    ///< ROUTER.
    bool operator==(const Endpoints&) const = default;
};

// --- rounds -----------------------------------------------------------------------------------

enum class RoundReason : std::uint8_t {
    crossing = 1,
    every_step = 2,
    final = 3,
    merge = 4,
    leave = 5,
    regroup = 6,
    violation = 7,
    interval = 8,
    overdue = 9,
    threshold_set = 10
};

[[nodiscard]] std::string_view name_of(RoundReason reason);

/// Why a round was called, as the caller saw it.
struct Evidence {
    RoundReason reason = RoundReason::crossing;
    double estimate = 0;       ///< H of the states used.
    double threshold = 0;      ///< Theta.
    std::uint32_t states = 0;  ///< States that went into H.
    std::uint32_t oldest_state_ms = 0;
    StepIndex step;  ///< Caller's steps since the reference.
    bool operator==(const Evidence&) const = default;
};

/// Orders the values that may be prepared for one target epoch. Within an attempt the sets only
/// grow, so their size orders them.
struct Ballot {
    Attempt attempt;
    std::uint32_t set_size = 0;  ///< Candidates + accusations + excluded + leaving.
    constexpr auto operator<=>(const Ballot&) const = default;
};

/// A peer holds this value complete and will not prepare another one in this ballot.
struct Prepared {
    Ballot ballot;
    Digest digest;     ///< Of the next reference.
    Roster roster;     ///< The members whose models the value averages.
    Roster leaving{};  ///< Those of them that vote no more on later references.
    bool operator==(const Prepared&) const = default;
};

/// Accuser says that it does not hear the accused: it accuses the link, not the peer.
struct Accusation {
    Member accuser;
    Member accused;
    constexpr auto operator<=>(const Accusation&) const = default;
};

/// The grow-only sets of one attempt; the roster is a pure function of them (roster.hpp). Sorted,
/// without repetition.
struct RoundSets {
    std::vector<Member> candidates;
    std::vector<Accusation> accusations;
    std::vector<Member> excluded;   ///< Their contribution is unusable; kept over attempts.
    std::vector<Member> leaving{};  ///< Candidates that go once this round is over.
    bool operator==(const RoundSets&) const = default;
};

/// Gossip, and the answer to RoundRequest: all that a peer says of the round that it is in. The
/// first one that a caller publishes is the round call.
struct RoundState {
    Epoch target;
    Attempt attempt;
    ReferenceId reference;  ///< The sender's own, in full.
    Evidence evidence;      ///< The call's, as first heard.
    RoundSets sets;
    std::optional<Prepared> prepared;
    Incarnation remembers{};  ///< The sender still knows what it promised from this life on.
    /// In a merge, where members hold different references: the roster behind the sender's.
    Roster voters{};
    bool operator==(const RoundState&) const = default;
};

/// The same as a digest, repeated with the heartbeat; a peer that lacks the content sends
/// RoundRequest.
struct RoundStatus {
    Epoch target;
    Attempt attempt;
    Digest state;                ///< Digest of the RoundState's encoding.
    std::uint32_t progress = 0;  ///< Grows while the sender's part of the exchange goes on.
    bool operator==(const RoundStatus&) const = default;
};

// --- gossip -----------------------------------------------------------------------------------

/// Several times a second at most; repeats all that still matters.
struct Heartbeat {
    Incarnation incarnation;
    std::int32_t order = 0;
    std::string address;      ///< Endpoints::direct.
    std::uint64_t steps = 0;  ///< Local steps in this life.
    std::uint64_t steps_since_reference = 0;
    std::uint32_t step_time_us = 0;  ///< Mean of recent steps.
    bool done = false;               ///< Has done its max_steps.
    bool leaving = false;
    LockstepPosition position = LockstepPosition::not_started;
    float weight = 1;           ///< How much the sender counts: 1, or its samples.
    Digest reference_digest;    ///< With Header::epoch the full ReferenceId.
    Incarnation remembers;      ///< As in RoundState.
    std::uint64_t unix_ms = 0;  ///< The sender's wall clock; for people, no rule looks at it.
    /// Members of the roster behind that reference whose departure the sender acknowledges; sorted.
    std::vector<PeerId> departed;
    std::optional<RoundStatus> round;
    bool operator==(const Heartbeat&) const = default;
};

/// S(u) after a step. With the linear monitor at most 48 bytes.
struct StateMessage {
    std::uint32_t step = 0;  ///< Since the reference in the header.
    LocalState state;
    bool operator==(const StateMessage&) const = default;
};

// --- direct -----------------------------------------------------------------------------------

/// The fields by which two networks are compared: name -> text, sorted. Includes network, model
/// schema, initial digest, monitor, threshold, ... A joiner that takes the network's averaging
/// settings leaves out the fields that begin with "averaging.".
using NetworkFields = std::map<std::string, std::string>;

/// First message on every connection, repeated until answered.
struct Hello {
    std::uint8_t version_min = kProtocolVersionMin;
    std::uint8_t version_max = kProtocolVersionMax;
    Member member;
    std::string name;  ///< For logs.
    Endpoints endpoints;
    NetworkFields fields;
    Role role = Role::member;
    bool operator==(const Hello&) const = default;
};

struct KnownPeer {
    PeerId id;
    std::string address;  ///< Endpoints::direct.
    bool operator==(const KnownPeer&) const = default;
};

/// One field in which two networks differ.
struct FieldDifference {
    std::string field;
    std::string theirs;
    std::string ours;
    bool operator==(const FieldDifference&) const = default;
};

/// Answer to Hello over the same connection. Accepted if `differences` is empty.
struct HelloReply {
    Hello hello;                               ///< The answering peer's own.
    std::vector<FieldDifference> differences;  ///< From the answering peer's point of view.
    std::vector<KnownPeer> peers;
    bool operator==(const HelloReply&) const = default;
};

/// Peer exchange: asks for the live peers that another peer knows, and tells them.
struct PeersRequest {
    bool operator==(const PeersRequest&) const = default;
};
struct PeersReply {
    std::vector<KnownPeer> peers;
    bool operator==(const PeersReply&) const = default;
};

/// Asks for the receiver's RoundState; answered with it.
struct RoundRequest {
    bool operator==(const RoundRequest&) const = default;
};

/// Asks for the state of this step (since the header's reference), which did not come; answered
/// with it.
struct StateRequest {
    std::uint32_t step = 0;
    bool with_sketch = false;  ///< cascade: the linear bound is above the threshold.
    bool operator==(const StateRequest&) const = default;
};

/// Asks for the history from epoch `after` on, that epoch included.
struct HistoryRequest {
    Epoch after;
    bool operator==(const HistoryRequest&) const = default;
};

struct HistoryEntry {
    ReferenceId reference;
    Roster roster;     ///< The members whose models it averages; empty for epoch 0.
    Roster leaving{};  ///< Those of them that left with it.
    bool operator==(const HistoryEntry&) const = default;
};

/// The voters on the epoch that follows: the roster without those that left, all of it if all did.
[[nodiscard]] Roster voters_of(const HistoryEntry& entry);

/// Epochs grow by one (more only at a merge). The first one is the one asked after, if it is still
/// remembered. The last one is the sender's reference, unless the limit cuts the list: then the
/// asker asks for the rest.
struct HistoryReply {
    std::vector<HistoryEntry> entries;
    bool operator==(const HistoryReply&) const = default;
};

/// The sender leaves cleanly.
struct Goodbye {
    bool operator==(const Goodbye&) const = default;
};

/// The outcome of a dial to one of a node's three sockets.
enum class Reach : std::uint8_t {
    not_tried = 1,
    reached = 2,        ///< A node, with the key that was expected.
    other_key = 3,      ///< A node, but without that key.
    other_program = 4,  ///< A connection, but no node speaks over it.
    refused = 5,        ///< The machine is there; nobody listens.
    silent = 6,         ///< Nothing comes back.
    no_route = 7,       ///< The network between has no way there.
    no_such_host = 8    ///< The name has no address.
};

[[nodiscard]] std::string_view name_of(Reach reach);

/// The outcomes for all three.
struct Reached {
    Reach direct = Reach::not_tried;
    Reach gossip = Reach::not_tried;
    Reach bulk = Reach::not_tried;
    bool operator==(const Reached&) const = default;
};

/// Asks to be dialed back at the addresses of this Hello, for `dynavg doctor`. The asker does not
/// join by it.
struct Probe {
    Hello hello;
    bool operator==(const Probe&) const = default;
};

/// The answer, once dialing back has succeeded or failed.
struct ProbeReply {
    Hello hello;                               ///< The answering peer's own.
    std::vector<FieldDifference> differences;  ///< From the answering peer's point of view.
    Reached reached;                           ///< The asker's sockets, from there.
    std::uint64_t unix_ms = 0;                 ///< The answering peer's wall clock.
    bool operator==(const ProbeReply&) const = default;
};

// --- bulk -------------------------------------------------------------------------------------

enum class TransferKind : std::uint8_t {
    contribution = 1,  ///< A member's frozen model, asked of it by the shard's owner.
    mean = 2,          ///< A shard's mean, asked of its owner by every member.
    reference = 3,     ///< A whole encoded reference, asked of a peer that holds it.
};

/// Names the transfer that a chunk belongs to.
struct TransferId {
    TransferKind kind = TransferKind::contribution;
    Digest key;  ///< contribution, mean: ExchangeKey::digest(); reference: the reference's digest.
    std::uint32_t shard = 0;  ///< Index in the roster of the shard's owner; reference: 0.
    constexpr auto operator<=>(const TransferId&) const = default;
};

/// Asks for chunks [first, first + count) of a transfer, and so grants credit for them. Answered as
/// soon as they exist; may be repeated.
struct ChunkRequest {
    TransferId transfer;
    std::uint32_t first = 0;
    std::uint32_t count = 0;
    bool operator==(const ChunkRequest&) const = default;
};

/// Facts on a contribution, from which the certificate is made.
struct ContributionFacts {
    std::uint64_t steps = 0;  ///< Local steps since the reference.
    float weight = 0;         ///< 0 without steps.
    float squared_norm = 0;   ///< ||drift||^2 of the frozen model.
    /// The latest threshold setting that the sender knew at the freeze: in force, or to come.
    std::optional<ThresholdSetting> setting{};
    bool operator==(const ContributionFacts&) const = default;
};

/// Header of a chunk; its bytes follow as a frame of their own. Chunks of a transfer are
/// limits::kChunkBytes long except the last; an empty shard has one empty chunk.
struct Chunk {
    TransferId transfer;
    std::uint32_t index = 0;
    ContributionFacts facts;  ///< contribution: of the sender's; else zeros.
    bool operator==(const Chunk&) const = default;
};

// --- all --------------------------------------------------------------------------------------

using Message = std::variant<Heartbeat, StateMessage, RoundState, Hello, HelloReply, PeersRequest,
                             PeersReply, RoundRequest, StateRequest, HistoryRequest, HistoryReply,
                             Goodbye, ChunkRequest, Chunk, Probe, ProbeReply>;

/// The three sorts in which bytes are counted.
enum class Traffic : std::uint8_t { monitoring, averaging, overhead };

[[nodiscard]] Traffic traffic_of(const Message& message);

/// For logs: "heartbeat", "state", ...
[[nodiscard]] std::string_view name_of(const Message& message);

}  // namespace dynavg::protocol
