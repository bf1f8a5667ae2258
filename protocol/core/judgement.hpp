#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/core/actions.hpp"
#include "protocol/core/pacer.hpp"
#include "protocol/core/peer_table.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/monitor/missed_rounds.hpp"
#include "protocol/monitor/monitor.hpp"
#include "protocol/reference/reference.hpp"
#include "protocol/wire/messages.hpp"

namespace dynavg::protocol {

/// The trainer, as it last reported.
struct TrainerProgress {
    std::uint64_t steps = 0;  ///< Local steps in this life.
    std::uint64_t steps_since_reference = 0;
    Duration step_time{};
    bool done = false;          ///< Has done its max_steps.
    bool has_reference = true;  ///< Has moved to the reference in force.
};

/// The inputs of Judgement beside the local states: values and views of NodeCore's other parts, as
/// they stand at `now`.
struct Situation {
    const Reference& reference;  ///< In force.
    const TrainerProgress& trainer;
    const PeerTable& peers;
    const Pacer& pacer;
    Instant now;
    /// A round or a pull is under way: nothing is judged before it is over.
    bool is_busy = false;
};

/// The outcome of a judgement.
struct Verdict {
    /// Lockstep: states of this step have yet to come, and nothing is decided before.
    bool waits_for_states = false;
    /// A round is to be called for this reason, if the peers that are live may hold one.
    std::optional<RoundReason> reason;
    /// local-balanced: carry this out, and report it to on_balanced().
    std::optional<BalancingOrder> balancing;
    /// cascade: publish this state with its sketch, in place of the brief one, ...
    std::optional<StateMessage> publish;
    /// ... and ask these peers for theirs.
    std::vector<std::pair<PeerId, StateRequest>> ask;
};

/// Judges from the local states of all peers whether a round is due (docs/protocol.md, "When a
/// round starts"). It holds the states, the record of which states were told and asked for, the
/// rounds that each peer has missed, and the threshold that a person has set and no reference has
/// yet. It sends nothing and calls no round: it returns what to do.
///
/// States, under one reference: *open* (the present step has not been judged) -> *judged* (H of
/// this step was compared with the threshold; the next step opens it again). In between it may
/// wait: for states of other members (lockstep), for sketches (cascade), or for a balancing
/// (local-balanced). on_reference() begins anew. Cost of judge(): O(peers x state).
class Judgement {
public:
    Judgement(const Member& self, float weight, const AveragingSettings& averaging,
              std::size_t parameters);

    // --- states in and out ---
    /// How much each peer's state counts.
    void weigh(const PeerView& view);
    /// Forgets all peers but these.
    template <class Keeps>
    void keep_only(Keeps keeps) {
        m_monitor.keep_only(keeps);
        m_missed_rounds.keep_only(keeps);
    }
    /// The trainer's own state, which is finite.
    void on_own_state(std::uint32_t step, const LocalState& state, Instant now);
    /// Another peer's state under the reference in force. False if it is not valid; then nothing
    /// changes.
    [[nodiscard]] bool on_state(const PeerId& from, const StateMessage& message, Instant now);
    /// This peer's state, once it is due and as long as it has not been told.
    [[nodiscard]] std::optional<StateMessage> take_state_to_publish(Instant now);
    /// The last state of a peer that is done, repeated with each heartbeat.
    [[nodiscard]] std::optional<StateMessage> state_to_repeat(const TrainerProgress& trainer) const;
    /// The answer to another peer that lacks a state of this one.
    [[nodiscard]] std::optional<StateMessage> answer(const StateRequest& request,
                                                     const TrainerProgress& trainer, Instant now);
    /// Lockstep: requests for the states that the present step still lacks, now and then.
    [[nodiscard]] std::vector<std::pair<PeerId, StateRequest>> requests_for_missing(
        const Situation& at);

    // --- the decision ---
    [[nodiscard]] Verdict judge(const Situation& at);
    /// A balancing was ordered and has not been reported.
    [[nodiscard]] bool is_balancing() const { return m_balancing.has_value(); }
    /// False if this is not the balancing that was ordered last.
    [[nodiscard]] bool on_balanced(const BalancingOrder& order, const TrainerProgress& trainer);
    /// All are done, and some drift is in no reference yet: a last round is due.
    [[nodiscard]] bool final_round_is_due(const Situation& at) const;
    /// Lockstep: the peers that stepped together have all been started again, each at a step of its
    /// own.
    [[nodiscard]] bool regrouping_is_due(const Situation& at) const;
    /// This peer is done, and so are all live ones, with one reference and no drift.
    [[nodiscard]] bool is_finished(const Situation& at) const;
    /// The reason for a round, for the peers that are called and for the log.
    [[nodiscard]] Evidence evidence(RoundReason reason, const Situation& at) const;

    // --- what ends a round ---
    /// A round over `roster` was committed; these were its candidates.
    void on_commit(const Roster& candidates, const Roster& roster, Instant now) {
        m_missed_rounds.on_commit(candidates, roster, now);
    }
    /// This reference is in force from now on: all drifts are unknown again.
    void on_reference(const Reference& reference);

    // --- the threshold that a person sets ---
    [[nodiscard]] Expected<void, Error> set_threshold(double threshold, std::uint64_t unix_ms,
                                                      const Reference& reference);
    /// The setting that was made here and is in no reference yet.
    [[nodiscard]] const std::optional<ThresholdSetting>& setting_to_come() const {
        return m_setting;
    }

    // --- pace ---
    /// How many local steps of this life the trainer may have done.
    [[nodiscard]] std::uint64_t allowed_steps(const Situation& at) const;
    /// When there is something to publish, to ask for or to judge again; kNever if nothing is.
    [[nodiscard]] Instant next_tick(const Situation& at) const;

    /// H, as last computed under the reference in force.
    [[nodiscard]] const std::optional<Estimate>& last_estimate() const { return m_estimate; }
    /// Squared norm of this peer's drift, as of its last state under the reference in force.
    [[nodiscard]] std::optional<float> squared_drift() const;
    /// cascade: states that were published with their sketch.
    [[nodiscard]] std::uint64_t sketches_told() const { return m_sketches_told; }

private:
    [[nodiscard]] bool in_lockstep() const { return m_averaging.pace == Pace::lockstep; }
    [[nodiscard]] bool tells_states() const;
    [[nodiscard]] bool tells_sketch(std::uint32_t step, Instant now) const;
    [[nodiscard]] Roster members_to_judge(const Situation& at) const;
    [[nodiscard]] bool step_is_complete(const Roster& members, const Situation& at) const;
    [[nodiscard]] bool waits_for_states(const Situation& at) const;
    [[nodiscard]] bool waits_for_sketches(const Roster& members, const Situation& at,
                                          Verdict& verdict);
    void want_sketches(const Roster& members, const Situation& at, Verdict& verdict);
    [[nodiscard]] std::optional<RoundReason> reason_to_call(std::size_t peers,
                                                            const Situation& at) const;
    [[nodiscard]] bool all_are_done(const Situation& at) const;
    [[nodiscard]] std::uint64_t allowed_steps_in_lockstep(const Situation& at) const;

    Member m_self;
    AveragingSettings m_averaging;
    VarianceMonitor m_monitor;
    MissedRounds m_missed_rounds;
    std::optional<ThresholdSetting> m_setting;

    // Under the reference in force.
    std::optional<Estimate> m_estimate;
    std::optional<std::uint64_t> m_checked_step;  ///< Lockstep: H was evaluated for this step.
    std::optional<BalancingOrder> m_balancing;    ///< Not answered yet; training waits.

    // States told and asked for.
    bool m_state_is_published = true;
    Instant m_last_published{};
    Instant m_last_asked{};
    // cascade: when sketches are told, beside the brief states.
    std::optional<std::uint32_t> m_sketch_step;  ///< Lockstep: for this step.
    Instant m_sketches_until{};                  ///< Free pace: until then.
    std::optional<Instant> m_brief_since;        ///< Free pace: a sketch is waited for.
    Instant m_last_asked_sketch{};
    std::uint64_t m_sketches_told = 0;
};

}  // namespace dynavg::protocol
