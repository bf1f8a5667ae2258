#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/event.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/base/role.hpp"
#include "protocol/core/pacer.hpp"
#include "protocol/core/peer_view.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/monitor/missed_rounds.hpp"
#include "protocol/monitor/monitor.hpp"
#include "protocol/reference/history.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/round/electorate.hpp"
#include "protocol/round/round.hpp"
#include "protocol/wire/durable.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// Where an earlier life of this peer stood, from disk.
struct RestoredCore {
    ReferencePointer reference;
    std::vector<HistoryEntry> history;  ///< Up to and with the reference's own.
    std::optional<Promise> promise;
    std::optional<PreparedRecord> prepared;
    /// Of the drift that the trainer goes on with, if any: see unspent_of().
    std::optional<Epoch> drift_since;
    std::optional<Epoch> frozen_for;
};

struct NodeCoreOptions {
    Member self;
    AveragingSettings averaging;
    float weight = 1;               ///< How much this peer counts: weight_of() its samples.
    ReferencePointer initial;       ///< The common epoch 0.
    std::uint32_t start_peers = 1;  ///< Training begins once so many peers are live, self included.
    std::optional<RestoredCore> restored;
    /// The shell keeps promises on disk and says when it has; else what is to be written counts as
    /// written at once, and a restarted peer must not vote again.
    bool durable = false;
    /// An observer follows the reference and does nothing else. Of `averaging` only the quorum is
    /// of interest to it; it makes no promises and calls no rounds.
    Role role = Role::member;
};

/// What the trainer tells after a local step, and after an install.
struct StepReport {
    ReferenceId reference;    ///< That the drift is counted from.
    std::uint64_t steps = 0;  ///< Local steps in this life.
    std::uint64_t steps_since_reference = 0;
    std::optional<LocalState> state;  ///< If this step is due for a check, or the last one.
    Duration step_time{};
    bool done = false;  ///< Has done its max_steps.
};

/// What of the local drift is in a reference already.
enum class Spent : std::uint8_t {
    nothing,
    frozen,  ///< What the last freeze of this life copied.
    given,   ///< What an earlier life gave, as the restart restored it.
};

/// Moves the local model to a reference. The drift is kept, except what is spent.
struct Install {
    ReferencePointer reference;
    Spent spent = Spent::nothing;
};

/// Kamp's balancing is due: with models of several peers at once, which no peer has.
struct BalancingOrder {
    ReferenceId reference;
    std::uint32_t step = 0;      ///< Since the reference; all models stand there.
    std::set<PeerId> violators;  ///< Whose drift is above the threshold.
    bool operator==(const BalancingOrder&) const = default;
};

enum class BalancingOutcome : std::uint8_t {
    balanced,  ///< Some models are their mean now; the reference stays.
    for_all,   ///< It would take too many of them: all are to be averaged.
};

struct PullOrder {
    ReferenceId wanted;
    PeerId source;
};

/// What the shell has to do, in this order.
struct Actions {
    /// 1. Install, before any further local step.
    std::optional<Install> install;
    /// 2. Freeze a contribution for this epoch: copy the parameters as they stand, after the
    ///    install and before any further step. It is needed only by start_exchange.
    std::optional<Epoch> freeze;
    /// 3. Drop the exchange in progress.
    bool abort_exchange = false;
    /// 4. The value that others may ask for while it is prepared; nullptr: none.
    std::optional<ReferencePointer> prepared;
    std::optional<ExchangeOrder> start_exchange;
    /// Give up the pull in progress, before a new one.
    bool abort_pull = false;
    std::optional<PullOrder> pull;
    /// local-balanced: once for a step, at each member alike; on_balanced() tells what came of it.
    /// No daemon is ever asked, see config::check_daemon_rules().
    std::optional<BalancingOrder> balance;
    /// 5. How many local steps of this life the trainer may have done; it waits there.
    std::uint64_t allowed_steps = 0;
    /// 6. Keep on disk, in this order, after the install's reference; on_promise_written() and
    ///    on_prepared_written() report it. What must not be said before waits in the core. A newer
    ///    order replaces an older one that could not be carried out yet.
    std::optional<Promise> write_promise;
    std::optional<PreparedRecord> write_prepared;
    /// 7. Messages. A publication may be lost; what is sent is not, while connected.
    std::vector<Message> publish;
    std::vector<std::pair<PeerId, Message>> send;
    bool heartbeat_now = false;
    std::vector<Event> events;
    Instant next_tick = kNever;
};

/// The rules of one peer: variance monitor, rounds, prepare and commit, adopt and re-base. A value
/// and the time go in, actions come out; it owns no socket, thread, clock or file. Messages of the
/// gossip grade may be lost, repeated, reordered or late; those of the direct grade may be lost
/// with a connection; none is corrupted, and the sender is certain. All peers that it is told of
/// are members: discovery keeps observers apart. Not thread-safe. Cost of a call: O(peers), of a
/// state O(peers x state).
class NodeCore {
public:
    explicit NodeCore(NodeCoreOptions options);

    void on_step(const StepReport& report, Instant now);
    void on_peers(const PeerView& view, Instant now);
    void on_message(const Member& from, const Header& header, const Message& message, Instant now);
    /// An observer asks, whose words are no member's: it is answered, and nothing else comes of it.
    void tell_history(const PeerId& observer, const HistoryRequest& request);
    void on_exchange_progress(Instant now);
    void on_exchange_done(const ExchangeResult& result, Instant now);
    /// Nothing comes from this member, or goes to it, though it is asked for: its link is accused.
    void on_stalled(const Member& member, Instant now);
    void on_unusable_contribution(const Member& member, const std::string& reason, Instant now);
    void on_pulled(ReferencePointer reference, Instant now);
    void on_pull_failed(const Error& error, Instant now);
    void on_promise_written(const Promise& promise, Instant now);
    void on_prepared_written(const Prepared& prepared, Instant now);
    void on_balanced(const BalancingOrder& order, BalancingOutcome outcome, Instant now);
    void on_tick(Instant now);

    /// Training pauses, and a last round hands over what was learned and ends this peer's vote. One
    /// in progress is finished first: what was learned since its freeze is not in it.
    void leave(Instant now);
    /// It has, and every live member of that round has said that it holds the outcome; or there is
    /// nobody to hand over to. The shell may say goodbye.
    [[nodiscard]] bool may_leave() const;
    /// This member of the last roster is live and remembers what it has promised there.
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
    /// What was set here and is in no reference yet.
    [[nodiscard]] const std::optional<ThresholdSetting>& setting_to_come() const {
        return m_setting;
    }

    [[nodiscard]] Actions take_actions(Instant now);

    // --- for heartbeats, status and tests ---
    /// The core's part of a heartbeat; discovery fills in the rest.
    void describe(Heartbeat& heartbeat) const;
    /// Whatever still matters is repeated with the heartbeat: the last state of a peer that is
    /// done.
    [[nodiscard]] std::optional<StateMessage> state_to_repeat() const;
    [[nodiscard]] const ReferencePointer& reference() const { return m_reference; }
    [[nodiscard]] const Roster& roster() const { return m_history.last().roster; }
    [[nodiscard]] const Electorate& electorate() const { return m_electorate; }
    [[nodiscard]] const History& history() const { return m_history; }
    [[nodiscard]] const std::optional<Round>& round() const { return m_round; }
    [[nodiscard]] Instant round_since() const { return m_called_at; }
    /// cascade: states that were published with their sketch.
    [[nodiscard]] std::uint64_t sketches_told() const { return m_sketches_told; }
    [[nodiscard]] const std::optional<Estimate>& last_estimate() const { return m_estimate; }
    /// Squared norm of the drift, as of the last state of this peer under the reference.
    [[nodiscard]] std::optional<float> squared_drift() const;
    [[nodiscard]] bool has_started() const { return m_pacer.has_started(); }
    /// Lockstep: whose states this peer waits for, itself included; else empty.
    [[nodiscard]] const Roster& lockstep_members() const { return m_pacer.members(); }
    /// Enough live peers hold this reference for a round, with a quorum among them.
    [[nodiscard]] bool may_call() const;
    /// This peer is done, and so are all live ones, with one reference and no drift: nothing will
    /// happen any more.
    [[nodiscard]] bool is_finished() const;

private:
    // node_core_decide.cpp: states and the decision
    void on_state(const Member& from, const Header& header, const StateMessage& message,
                  Instant now);
    void publish_state(Instant now);
    void evaluate(Instant now);
    [[nodiscard]] Roster members_to_judge(Instant now) const;
    void judge(const Roster& members, Instant now);
    void order_balancing(const Roster& members);
    void call_if_possible(RoundReason reason, Instant now);
    [[nodiscard]] std::optional<RoundReason> reason_to_call(std::size_t peers) const;
    void report_who_is_missing();
    void note_threshold(const Reference& before);
    [[nodiscard]] bool step_is_complete(const Roster& members) const;
    [[nodiscard]] bool waits_for_states() const;
    void ask_for_missing_states(Instant now);
    void answer_state_request(const Member& from, const StateRequest& request, Instant now);
    void call_round(RoundReason reason, const Estimate& estimate, Instant now);
    [[nodiscard]] bool final_round_is_due(Instant now) const;
    [[nodiscard]] bool regrouping_is_due() const;
    [[nodiscard]] bool all_are_done() const;
    [[nodiscard]] std::uint64_t allowed_steps() const;
    [[nodiscard]] std::uint64_t allowed_steps_in_lockstep() const;
    [[nodiscard]] Instant next_tick(Instant now) const;
    [[nodiscard]] bool in_lockstep() const;
    /// Free pace sends states only for those monitors that need them.
    [[nodiscard]] bool tells_states() const;
    [[nodiscard]] bool tells_sketch(std::uint32_t step, Instant now) const;
    void want_sketches(const Roster& members, Instant now);
    [[nodiscard]] bool has_reference(const Header& header) const;
    [[nodiscard]] Roster live_members() const;
    /// Whatever reference they have.
    [[nodiscard]] Roster live_peers() const;
    [[nodiscard]] bool may_hold_a_round(const Roster& live) const;
    [[nodiscard]] const PeerInfo* find_peer(const PeerId& id) const;
    void forget_who_has_gone();
    void discount_who_has_left();
    [[nodiscard]] bool is_waited_for() const;

    // node_core_observe.cpp: what an observer does of all this
    [[nodiscard]] bool is_observer() const { return m_options.role == Role::observer; }
    void follow(const Member& from, const Header& header, const Message& message, Instant now);
    [[nodiscard]] bool may_stay_on_own_side() const;

    // node_core_durable.cpp: promises, and what follows from those of an earlier life
    void restore(const RestoredCore& restored);
    void order_promise();
    [[nodiscard]] bool may_speak() const;
    void keep_what_an_earlier_life_prepared(Round& round);
    void write_prepared(Prepared prepared, ReferencePointer value, Instant now);
    void become_prepared(const PreparedRecord& record, Instant now);
    void acknowledge_departures();
    void report_departures();

    // node_core_fork.cpp: references that have no common past
    void on_fork(const Member& from, const ReferenceId& theirs, Instant now);
    void on_merge_passed(const Member& from, const ReferenceId& theirs, Instant now);
    void on_merge_history(const Member& from, const std::vector<HistoryEntry>& entries,
                          Instant now);
    void on_fork_history(const Member& from, const std::vector<HistoryEntry>& entries, Instant now);
    void resolve_forks(Instant now);
    void absorb(const PeerId& source, const ReferenceId& theirs, Instant now);
    void report_fork(const Member& from, const ReferenceId& theirs);
    [[nodiscard]] Roster live_members_at(const ReferenceId& reference) const;
    [[nodiscard]] Roster merge_candidates() const;
    [[nodiscard]] bool is_merging() const;

    // node_core_round.cpp: one round
    void enter_round(Epoch target, Attempt attempt, const RoundSets& theirs,
                     const Evidence& evidence, Instant now);
    void on_round_state(const Member& from, const RoundState& state, Instant now);
    void on_round_status(const Member& from, const Header& header, const RoundStatus& status,
                         Instant now);
    void drop_prepared();
    [[nodiscard]] RoundState round_state() const;
    void publish_round();
    [[nodiscard]] bool settled() const;
    [[nodiscard]] bool is_committed_elsewhere(const ReferencePointer& value) const;
    [[nodiscard]] bool only_exchange_has_outcome() const;
    [[nodiscard]] bool is_sufficient(const Roster& voters) const;
    [[nodiscard]] bool is_sufficient_for_all(const Roster& voters) const;
    [[nodiscard]] Voters as_voters(const Roster& roster) const;
    void proceed(Instant now);
    void stop_exchange();
    void finish_value(const Prepared& value);
    void commit_if_acknowledged(Instant now);
    void commit(Instant now);
    void tick_round(Instant now);
    void accuse_the_silent(Instant now);
    [[nodiscard]] Duration suspicion_timeout_max() const;
    [[nodiscard]] Roster expected_members() const;
    [[nodiscard]] std::vector<std::string> missing_of(const Roster& expected,
                                                      const Roster& present) const;
    void report_round_impossible(const Roster& live);
    void report_round_start();
    void report_commit(Instant now);

    // node_core_adopt.cpp: references that others have committed
    void on_header(const Member& from, const Header& header, Instant now);
    void on_reference_heard(const Member& from, ReferenceId reference, Instant now);
    void on_history(const Member& from, const HistoryReply& reply, Instant now);
    void install(ReferencePointer reference, Instant now);
    [[nodiscard]] bool is_making(Epoch epoch, Instant now) const;
    void note_missed_rounds(Epoch next, Instant now);
    [[nodiscard]] Spent spent_by(Epoch upto) const;
    void replay_early_messages(Instant now);

    struct Pull {
        ReferenceId wanted;
        PeerId source;
        std::vector<HistoryEntry> entries;  ///< As far as the source has told its history.
        bool history_is_complete = false;
        /// Of another past: its history replaces ours.
        bool absorbs = false;
        Instant since;  ///< Of the last progress.
    };
    /// Of a peer that is one epoch ahead; replayed after the install.
    struct EarlyMessages {
        std::optional<std::pair<Header, StateMessage>> state;
        std::optional<RoundState> round;
        Member from;
    };

    NodeCoreOptions m_options;
    ReferencePointer m_reference;
    History m_history;
    Electorate m_electorate;
    VarianceMonitor m_monitor;
    Pacer m_pacer;
    PeerView m_view;
    std::map<PeerId, std::size_t> m_places;  ///< In m_view.
    std::optional<Estimate> m_estimate;
    MissedRounds m_missed_rounds;

    // The trainer, as last reported.
    std::uint64_t m_steps = 0;
    std::uint64_t m_steps_since_reference = 0;
    Duration m_step_time{};
    bool m_done = false;
    bool m_install_confirmed = true;
    std::optional<std::uint64_t> m_checked_step;  ///< Lockstep: H was evaluated for this step.
    std::optional<BalancingOrder> m_balancing;    ///< Not answered yet; training waits.
    bool m_reported_missing = false;
    bool m_state_is_published = true;
    Instant m_last_published{};
    Instant m_last_asked{};
    // cascade: when sketches are told, beside the brief states.
    std::optional<std::uint32_t> m_sketch_step;  ///< Lockstep: for this step.
    Instant m_sketches_until{};                  ///< Free pace.
    std::optional<Instant> m_brief_since;        ///< Free pace: a sketch is waited for.
    Instant m_last_asked_sketch{};
    std::uint64_t m_sketches_told = 0;

    // What a restart must find again.
    Promise m_promise;             ///< As it is on disk.
    std::set<PeerId> m_departing;  ///< Of this electorate; on disk or on the way there.
    std::optional<PreparedRecord> m_preparing;        ///< On its way to the disk.
    std::optional<PreparedRecord> m_prepared_before;  ///< By an earlier life.
    /// A person said, here or elsewhere, that they will not come back, and they have not. The
    /// roster of the next reference may hold them once more, if they died after they gave to it.
    std::set<PeerId> m_to_forget;
    std::size_t m_reported_body = 0;
    bool m_leaving = false;
    bool m_froze_to_leave = false;  ///< With all that was learned: training had paused by then.
    bool m_left = false;

    // The round in progress; what is below it is meaningless without one.
    std::optional<Round> m_round;
    Instant m_called_at{};
    Instant m_attempt_since{};
    Instant m_last_progress{};
    Instant m_last_round_word{};
    std::uint32_t m_progress = 0;
    std::map<PeerId, std::uint32_t> m_progress_heard;
    std::optional<ExchangeKey> m_exchanging;
    std::optional<RoundId> m_reported_round;
    ReferencePointer m_prepared_value;
    std::optional<Certificate> m_certificate;
    std::optional<Digest> m_asked_value;
    /// Lives until an install: what was frozen is sent in every attempt.
    std::optional<Epoch> m_frozen_for;
    std::optional<ThresholdSetting> m_frozen_setting;  ///< Goes with it.
    std::optional<ThresholdSetting> m_setting;         ///< Set here; in no reference yet.
    /// The drift that a restart brought back, until an install.
    struct Given {
        Epoch drift_since;
        std::optional<Epoch> frozen_for;
    };
    std::optional<Given> m_given;
    /// Another peer's header said that it committed this (epoch, Digest::high).
    std::optional<std::pair<Epoch, std::uint64_t>> m_committed_elsewhere;

    /// Who has sent something under this reference.
    std::set<Member> m_same_reference;

    std::optional<Pull> m_pull;
    std::map<PeerId, EarlyMessages> m_early;
    /// Peers whose reference has no place in this peer's history.
    struct Fork {
        ReferenceId reference;
        Roster voters;  ///< Empty until it has told.
        Instant asked{};
        /// It is past the merge with this target, which this peer is still in: without this peer.
        std::optional<Epoch> merged_without_us;
    };
    std::map<PeerId, Fork> m_forks;

    Actions m_actions;
};

}  // namespace dynavg::protocol
