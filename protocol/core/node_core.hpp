#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "protocol/core/actions.hpp"
#include "protocol/core/adoption.hpp"
#include "protocol/core/departures.hpp"
#include "protocol/core/durability.hpp"
#include "protocol/core/forks.hpp"
#include "protocol/core/frozen_drift.hpp"
#include "protocol/core/judgement.hpp"
#include "protocol/core/node_core_options.hpp"
#include "protocol/core/pacer.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/core/phase.hpp"
#include "protocol/core/quorum.hpp"
#include "protocol/reference/history.hpp"

namespace dynavg::protocol {

/// A peer that nobody has ever joined says that it trains alone after so long.
inline constexpr Duration kAlonePatience = std::chrono::seconds(10);

/// The rules of one peer. A value and the time go in, actions come out; NodeCore owns no socket,
/// thread, clock or file.
///
/// NodeCore is a router. Each rule is in one of the parts that it owns: Judgement (is a round due),
/// Round and InRound (the round that is open), Quorum (may these peers speak for all), Durability
/// (records that must be on disk first), Departures (the voters, and those let go), FrozenDrift
/// (the part of the drift that is spent), Adoption (references that others have committed), Forks
/// (references without a common past). NodeCore brings each input to the part that it concerns,
/// with values and views of the other parts, and passes the result on: into Actions, or to another
/// part. No part knows another part's state otherwise.
///
/// Messages of the gossip grade may be lost, repeated, reordered or late; those of the direct grade
/// may be lost with a connection; none is corrupted, and the sender is certain. All peers that it
/// is told of are members: discovery keeps observers apart. Not thread-safe. Cost of a call:
/// O(peers), of a state O(peers x state).
class NodeCore {
public:
    explicit NodeCore(NodeCoreOptions options);

    void on_step(const StepReport& report, Instant now);
    void on_peers(const PeerView& view, Instant now);
    void on_message(const Member& from, const Header& header, const Message& message, Instant now);
    /// Answers an observer's question for the history. Nothing else follows from it.
    void tell_history(const PeerId& observer, const HistoryRequest& request);
    void on_exchange_progress(Instant now);
    void on_exchange_done(const ExchangeResult& result, Instant now);
    /// A contribution of this member does not come, though it is asked for: the link is accused.
    void on_stalled(const Member& member, Instant now);
    void on_unusable_contribution(const Member& member, const std::string& reason, Instant now);
    void on_pulled(ReferencePointer reference, Instant now);
    void on_pull_failed(const Error& error, Instant now);
    void on_promise_written(const Promise& promise, Instant now);
    void on_prepared_written(const Prepared& prepared, Instant now);
    void on_balanced(const BalancingOrder& order, BalancingOutcome outcome, Instant now);
    void on_tick(Instant now);

    /// Training pauses, and a last round hands over the drift and ends this peer's vote. A round in
    /// progress is finished first: steps made since its freeze are not in it.
    void leave(Instant now);
    /// The last round is over, and every live member of it has said that it holds its reference; or
    /// there is no peer to hand over to. The shell may say goodbye.
    [[nodiscard]] bool may_leave() const;
    /// This member of the last roster is live and remembers its promises there.
    [[nodiscard]] bool has_live_voter(const PeerId& peer) const;
    /// A person says that this peer will not come back: its vote is not waited for once a quorum
    /// has acknowledged that. False if it has no vote.
    bool forget(const PeerId& peer, Instant now);

    /// A person sets the threshold, at this Unix time: it goes into the next round that this peer
    /// takes part in, and so into the reference of all. A round is called for it where the variance
    /// bound is above it already. Fails where no threshold decides, or a rule moves it. A restart
    /// before that round forgets it.
    [[nodiscard]] Expected<void, Error> set_threshold(double threshold, std::uint64_t unix_ms,
                                                      Instant now);
    /// The setting that was made here and is in no reference yet.
    [[nodiscard]] const std::optional<ThresholdSetting>& setting_to_come() const {
        return m_judgement.setting_to_come();
    }

    [[nodiscard]] Actions take_actions(Instant now);

    // --- for heartbeats, status and tests ---
    /// The core's part of a heartbeat; discovery fills in the rest.
    void describe(Heartbeat& heartbeat) const;
    /// The last state of a peer that is done, which is repeated with each heartbeat.
    [[nodiscard]] std::optional<StateMessage> state_to_repeat() const;
    [[nodiscard]] const ReferencePointer& reference() const { return m_reference; }
    [[nodiscard]] const Roster& roster() const { return m_history.last().roster; }
    [[nodiscard]] const Electorate& electorate() const { return m_departures.electorate(); }
    [[nodiscard]] const History& history() const { return m_history; }
    /// The round that is open; nullptr if none is.
    [[nodiscard]] const Round* round() const;
    /// When it was called; only while one is open.
    [[nodiscard]] Instant round_since() const;
    /// cascade: states that were published with their sketch.
    [[nodiscard]] std::uint64_t sketches_told() const { return m_judgement.sketches_told(); }
    [[nodiscard]] const std::optional<Estimate>& last_estimate() const {
        return m_judgement.last_estimate();
    }
    /// Squared norm of the drift, as of the last state of this peer under the reference.
    [[nodiscard]] std::optional<float> squared_drift() const { return m_judgement.squared_drift(); }
    [[nodiscard]] bool has_started() const { return m_pacer.has_started(); }
    /// Lockstep: the members whose states this peer waits for, itself included; else empty.
    [[nodiscard]] const Roster& lockstep_members() const { return m_pacer.members(); }
    /// Enough live peers hold this reference for a round, with a quorum among them.
    [[nodiscard]] bool may_call() const;
    /// This peer is behind: it takes over a reference, and calls no round before it has it.
    [[nodiscard]] bool is_pulling() const { return m_adoption.is_pulling(); }
    /// Before the first round: a live peer may have a network behind it. See
    /// kFirstHeartbeatPatience.
    [[nodiscard]] bool awaits_first_heartbeat(Instant now) const {
        return now < first_heartbeats_until();
    }
    /// This peer is done, and so are all live ones, with one reference and no drift: nothing will
    /// happen any more.
    [[nodiscard]] bool is_finished() const;

private:
    // node_core.cpp: the inputs, and the decision that a round is due
    void restore(const RestoredCore& restored);
    void discount_who_has_left();
    void forget_who_has_gone();
    void on_state(const Member& from, const Header& header, const StateMessage& message,
                  Instant now);
    void publish_state(const std::optional<StateMessage>& state);
    void send(const PeerId& to, Message message);
    void report(Event event) { m_actions.events.push_back(std::move(event)); }
    void evaluate(Instant now);
    void call_if_possible(RoundReason reason, Instant now);
    void call_round(RoundReason reason, Instant now);
    void report_who_is_missing(Instant now);
    void report_alone(Instant now);
    [[nodiscard]] bool is_observer() const { return m_options.role == Role::observer; }
    [[nodiscard]] bool is_busy() const { return round() != nullptr || m_adoption.is_pulling(); }
    [[nodiscard]] bool has_reference(const Header& header) const;
    [[nodiscard]] bool may_hold_a_round(const Roster& live) const;
    [[nodiscard]] bool is_waited_for() const;
    [[nodiscard]] Instant first_heartbeats_until() const;
    /// This peer and the live ones that hold its reference.
    [[nodiscard]] Roster live_members() const { return m_peers.live_holders(m_reference->id); }
    /// Views for the parts; they live no longer than the call that they are made for.
    [[nodiscard]] Situation situation(Instant now) const;
    [[nodiscard]] Quorum quorum() const;

    // node_core_round.cpp: one round
    [[nodiscard]] InRound* in_round() { return std::get_if<InRound>(&m_phase); }
    void enter_round(Epoch target, Attempt asked, const RoundSets& theirs, const Evidence& evidence,
                     Instant now);
    void open_round(Round round, Instant now);
    void on_round_state(const Member& from, const RoundState& state, Instant now);
    void on_round_status(const Member& from, const Header& header, const RoundStatus& status,
                         Instant now);
    [[nodiscard]] RoundState round_state() const;
    void publish_round();
    [[nodiscard]] bool is_merging() const { return round() != nullptr && is_merge(*round()); }
    [[nodiscard]] bool settled() const;
    [[nodiscard]] bool only_exchange_has_outcome() const;
    void proceed(Instant now);
    void finish(const Prepared& best, Instant now);
    void stop_exchange();
    void report_round_start();
    void commit_if_acknowledged(Instant now);
    [[nodiscard]] bool waits_for_second_holder(const Roster& acknowledged, Instant now) const;
    void commit(Instant now);
    void tick_round(Instant now);

    // node_core_durable.cpp: records that must be on disk before they are told, and departures
    [[nodiscard]] bool may_speak() const;
    void order_promise();
    void write_prepared(Prepared prepared, ReferencePointer value, Instant now);
    void become_prepared(const PreparedRecord& record, Instant now);
    void acknowledge_departures();
    void carry_out_departures(const Promise& written);
    void report_departures();

    // node_core_references.cpp: references that others hold, and the next one that is installed
    void on_header(const Member& from, const Header& header, Instant now);
    void follow(const Member& from, const Header& header, const Message& message, Instant now);
    void on_reference_heard(const Member& from, const ReferenceId& theirs, Instant now);
    [[nodiscard]] bool is_making(Epoch epoch, Instant now) const;
    void pull(const ReferenceId& wanted, const PeerId& source, Past past, Epoch after, Instant now);
    void on_history(const Member& from, const HistoryReply& reply, Instant now);
    void on_merge_passed(const Member& from, const ReferenceId& theirs, Instant now);
    void on_merge_history(const Member& from, const HistoryEntry& first, Instant now);
    void on_fork(const Member& from, const ReferenceId& theirs, Instant now);
    void resolve_forks(Instant now);
    void note_missed_rounds(Epoch next, Instant now);
    void install(ReferencePointer reference, Instant now);
    void replay_early_messages(Instant now);

    NodeCoreOptions m_options;
    ReferencePointer m_reference;  ///< In force.
    History m_history;             ///< Up to it.
    PeerTable m_peers;
    TrainerProgress m_trainer;
    Pacer m_pacer;

    Phase m_phase;
    Judgement m_judgement;
    Durability m_durability;
    Departures m_departures;
    FrozenDrift m_frozen_drift;
    Adoption m_adoption;
    Forks m_forks;

    bool m_leaving = false;                ///< A person has asked for it.
    bool m_left = false;                   ///< The reference in force is the last that it votes on.
    bool m_reported_missing = false;       ///< That a round is due and cannot be held.
    bool m_had_company = false;            ///< Some other peer has joined, in this life.
    std::optional<Instant> m_alone_since;  ///< A round was due, and nobody had ever joined.
    bool m_reported_alone = false;
    std::uint32_t m_progress = 0;  ///< Of this peer's part of all exchanges; see RoundStatus.

    Actions m_actions;
};

}  // namespace dynavg::protocol
