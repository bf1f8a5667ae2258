#pragma once

#include "protocol/base/limits.hpp"
#include "protocol/wire/messages.hpp"

/// The fields of each message on the wire, in their order: one list for both directions.
/// `Codec` is Encoder or Decoder (codec.cpp); Codec::Ref<T> is a const T& or a T&.
namespace dynavg::protocol::wire {

/// The fewest bytes that an element takes, to hold a count against the bytes that are left.
template <class T>
inline constexpr std::size_t kEncodedBytesMin = 0;
template <>
inline constexpr std::size_t kEncodedBytesMin<Member> = 4 + 32 + 4;
template <>
inline constexpr std::size_t kEncodedBytesMin<PeerId> = 32;
template <>
inline constexpr std::size_t kEncodedBytesMin<Accusation> = 2 * kEncodedBytesMin<Member>;
template <>
inline constexpr std::size_t kEncodedBytesMin<KnownPeer> = 32 + 2;
template <>
inline constexpr std::size_t kEncodedBytesMin<FieldDifference> = 3 * 2;
template <>
inline constexpr std::size_t kEncodedBytesMin<HistoryEntry> = 4 + 16 + 2 * 2;

/// Differences name the fields of both sides.
inline constexpr std::size_t kFieldDifferencesMax = 2 * limits::kNetworkFieldsMax;

// The longest history must fit into a control message.
static_assert(limits::kHistoryEntriesPerMessageMax *
                  (kEncodedBytesMin<HistoryEntry> +
                   (limits::kRosterMembersMax + limits::kLeavingMax) *
                       kEncodedBytesMin<Member>)+64 <=
              limits::kControlMessageBytesMax);

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Digest> value) {
    codec(value.high, value.low);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<PeerId> value) {
    codec.bytes(value.bytes);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Member> value) {
    codec(value.order, value.id, value.incarnation);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<ReferenceId> value) {
    codec(value.epoch, value.digest);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Header> value) {
    codec(value.network, value.sender_tag, value.sequence, value.epoch, value.reference_tag);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Endpoints> value) {
    codec(value.direct, value.gossip, value.bulk);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Evidence> value) {
    codec.choice(value.reason, RoundReason::crossing, RoundReason::threshold_set);
    codec.no_nan(value.estimate);
    codec.no_nan(value.threshold);
    codec(value.states, value.oldest_state_ms, value.step);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Ballot> value) {
    codec(value.attempt, value.set_size);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Prepared> value) {
    codec(value.ballot, value.digest);
    codec.set("roster", value.roster, limits::kRosterMembersMax);
    codec.set("leaving", value.leaving, limits::kLeavingMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Accusation> value) {
    codec(value.accuser, value.accused);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<RoundSets> value) {
    codec.set("candidates", value.candidates, limits::kRosterMembersMax);
    codec.set("accusations", value.accusations, limits::kAccusationsMax);
    codec.set("excluded", value.excluded, limits::kRosterMembersMax);
    codec.set("leaving", value.leaving, limits::kLeavingMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<RoundState> value) {
    codec(value.target, value.attempt, value.reference, value.evidence, value.sets);
    codec.maybe(value.prepared);
    codec(value.remembers);
    codec.set("voters", value.voters, limits::kRosterMembersMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<RoundStatus> value) {
    codec(value.target, value.attempt, value.state, value.progress);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Heartbeat> value) {
    codec(value.incarnation, value.order, value.address, value.steps, value.steps_since_reference,
          value.step_time_us, value.done, value.leaving);
    codec.choice(value.position, LockstepPosition::not_started, LockstepPosition::in_step);
    codec.within("weight", value.weight, limits::kWeightMin, limits::kWeightMax);
    codec(value.reference_digest, value.remembers, value.unix_ms);
    codec.set("departed", value.departed, limits::kRosterMembersMax);
    codec.maybe(value.round);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<StateMessage> value) {
    codec(value.step, value.state.squared_norm);
    codec.rest(value.state.values, limits::kStateValuesMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Hello> value) {
    codec(value.version_min, value.version_max, value.member, value.name, value.endpoints);
    codec.text_map("fields", value.fields, limits::kNetworkFieldsMax);
    codec.choice(value.role, Role::member, Role::observer);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<KnownPeer> value) {
    codec(value.id, value.address);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<FieldDifference> value) {
    codec(value.field, value.theirs, value.ours);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<HelloReply> value) {
    codec(value.hello);
    codec.list("differences", value.differences, kFieldDifferencesMax);
    codec.list("peers", value.peers, limits::kPeersPerMessageMax);
}

template <class Codec>
void fields(Codec& /*codec*/, typename Codec::template Ref<PeersRequest> /*value*/) {}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<PeersReply> value) {
    codec.list("peers", value.peers, limits::kPeersPerMessageMax);
}

template <class Codec>
void fields(Codec& /*codec*/, typename Codec::template Ref<RoundRequest> /*value*/) {}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<StateRequest> value) {
    codec(value.step, value.with_sketch);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<HistoryRequest> value) {
    codec(value.after);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<HistoryEntry> value) {
    codec(value.reference);
    codec.set("roster", value.roster, limits::kRosterMembersMax);
    codec.set("leaving", value.leaving, limits::kLeavingMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<HistoryReply> value) {
    codec.list("entries", value.entries, limits::kHistoryEntriesPerMessageMax);
}

template <class Codec>
void fields(Codec& /*codec*/, typename Codec::template Ref<Goodbye> /*value*/) {}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<TransferId> value) {
    codec.choice(value.kind, TransferKind::contribution, TransferKind::reference);
    codec(value.key, value.shard);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<ChunkRequest> value) {
    codec(value.transfer, value.first);
    codec.within("count", value.count, 1U, limits::kChunksInFlightMax);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<ThresholdSetting> value) {
    codec(value.threshold, value.set_at_ms);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<ContributionFacts> value) {
    codec(value.steps, value.weight, value.squared_norm);
    codec.maybe(value.setting);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Chunk> value) {
    codec(value.transfer, value.index, value.facts);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Probe> value) {
    codec(value.hello);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<Reached> value) {
    codec.choice(value.direct, Reach::not_tried, Reach::no_such_host);
    codec.choice(value.gossip, Reach::not_tried, Reach::no_such_host);
    codec.choice(value.bulk, Reach::not_tried, Reach::no_such_host);
}

template <class Codec>
void fields(Codec& codec, typename Codec::template Ref<ProbeReply> value) {
    codec(value.hello);
    codec.list("differences", value.differences, kFieldDifferencesMax);
    codec(value.reached, value.unix_ms);
}

}  // namespace dynavg::protocol::wire
