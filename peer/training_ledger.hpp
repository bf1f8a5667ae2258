#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "protocol/core/node_core.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/learner.hpp"

namespace dynavg::peer {

inline constexpr std::uint64_t kNoStepLimit = std::numeric_limits<std::uint64_t>::max();

/// Where the training of one life begins.
struct TrainingStart {
    protocol::ReferencePointer reference;  ///< Installed in the learner already.
    std::uint64_t steps = 0;               ///< Of all lives.
    std::uint64_t steps_since_reference = 0;
    /// The contribution of an earlier life to a round whose end it did not see; null: none. See
    /// storage::Restart.
    protocol::ContributionPointer given{};
};

struct TrainingLedgerOptions {
    TrainingStart start;
    std::uint64_t max_steps = kNoStepLimit;  ///< Of all lives.
    std::uint64_t check_every = 1;           ///< Steps since the reference between two states.
    float weight = 1;                        ///< Of a contribution that has steps in it.
};

/// A copy of training between two steps, for a checkpoint.
struct TrainingCopy {
    protocol::ReferencePointer reference;
    std::vector<float> values;  ///< Parameters, then buffers.
    /// The part of it that has been given, or will be, to the next reference; null: none yet.
    protocol::ContributionPointer frozen;
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    std::vector<std::byte> optimizer;
};

/// The outcome of a freeze.
struct FreezeResult {
    /// Null: the reference is at or past the target already, or the drift is not finite.
    protocol::ContributionPointer contribution{};
    /// Nothing was frozen: call drop_if_not_finite(), then freeze again.
    bool must_drop = false;
};

/// The account of one life's training: the steps that the learner has made, those of them that are
/// in a contribution, and the part that leaves the model when a reference is installed. The
/// daemon's trainer thread and the simulated peer keep their accounts with this class.
///
/// Rules:
/// - A drift that is not finite is dropped before a state tells of it and before anything is
/// frozen:
///   peers refuse both. The steps since the reference count on, as others wait for them in
///   lockstep.
/// - A contribution that was frozen, or that an earlier life gave, stays what it is after a drop:
///   every attempt of its round sends the same. But the model holds nothing of it any more. Then it
///   does not leave the model at an install, and a checkpoint names it as an empty part.
/// - A freeze for the target that an earlier life gave to gives the same contribution again. So the
///   round may hold either life.
/// Borrows the learner, and never calls compute_gradient(). Its calls need the model's mutex where
/// Learner says so. Not thread-safe. Cost: report() with a state due, freeze() and copy() pass over
/// the model.
class TrainingLedger {
public:
    TrainingLedger(protocol::Learner& learner, const TrainingLedgerOptions& options);

    /// Second half of a local step.
    void finish_step();
    /// The step that was made last is due for a check, or there is no step left to make.
    [[nodiscard]] bool is_state_due() const;
    /// Where training stands; with the state if drift is left that is due for a check. Drops the
    /// drift first if it is not finite. The step time is left to the caller.
    [[nodiscard]] protocol::StepReport report();
    /// Moves to a reference. The part that `spent` names leaves the model; all other drift is kept.
    void install(const protocol::Install& install);
    /// Room for freeze(), which then allocates nothing; needs no mutex.
    [[nodiscard]] std::shared_ptr<protocol::Contribution> room() const;
    /// Copies the model into `room`, unless an earlier life has given to this target.
    [[nodiscard]] FreezeResult freeze(protocol::Epoch target,
                                      const std::shared_ptr<protocol::Contribution>& room);
    /// The model becomes the reference, if its drift is not finite.
    void drop_if_not_finite() { (void)finite_state(); }
    /// Steps that were lost in drops since the last call; none without a drop.
    [[nodiscard]] std::optional<std::uint64_t> take_dropped();
    /// The model becomes these parameters and buffers: the drift holds what others have learned.
    void set_model(std::span<const float> values);
    /// `room` has shape().values() floats.
    [[nodiscard]] TrainingCopy copy(std::vector<float> room) const;

    void set_max_steps(std::uint64_t max_steps) { m_max_steps = max_steps; }
    [[nodiscard]] const protocol::ReferencePointer& reference() const { return m_reference; }
    [[nodiscard]] std::uint64_t steps() const { return m_steps; }
    [[nodiscard]] std::uint64_t steps_since_reference() const { return m_steps_since_reference; }
    [[nodiscard]] bool is_done() const { return m_steps >= m_max_steps; }

private:
    struct Part {
        protocol::ContributionPointer contribution{};
        bool is_in_model = true;
    };

    [[nodiscard]] const Part& part_of(protocol::Spent spent) const;
    [[nodiscard]] protocol::LocalState finite_state();
    void drop();
    /// As a checkpoint names it.
    [[nodiscard]] protocol::ContributionPointer frozen_part() const;

    protocol::Learner& m_learner;
    std::uint64_t m_max_steps;
    std::uint64_t m_check_every;
    float m_weight;
    protocol::ReferencePointer m_reference;
    std::uint64_t m_steps;
    std::uint64_t m_steps_since_reference;
    std::uint64_t m_steps_in_drift;  ///< Fewer than since the reference after a drop.
    Part m_frozen;                   ///< By this life, for the next reference.
    Part m_given;                    ///< By an earlier life.
    std::optional<std::uint64_t> m_dropped;
};

}  // namespace dynavg::peer
