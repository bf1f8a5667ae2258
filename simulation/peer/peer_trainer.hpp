#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "peer/training_ledger.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/reference/learner.hpp"
#include "simulation/task_pool.hpp"

namespace dynavg::simulation {

struct PeerTrainerOptions {
    peer::TrainingStart start;
    std::uint64_t max_steps = 0;  ///< Of all lives.
    std::uint64_t check_every = 1;
    protocol::WeightRule weights = protocol::WeightRule::equal;
    TaskPool* tasks = nullptr;  ///< See PeerOptions.
    /// The drift was not finite and has been dropped, with so many steps.
    std::function<void(std::uint64_t steps_lost)> on_diverged;
};

/// The trainer of one life of a simulated peer: drives a Learner and its TrainingLedger as the
/// daemon's trainer thread does, in steps that its driver begins and ends.
class PeerTrainer {
public:
    PeerTrainer(std::unique_ptr<protocol::Learner> learner, PeerTrainerOptions options);
    PeerTrainer(const PeerTrainer&) = delete;
    PeerTrainer& operator=(const PeerTrainer&) = delete;
    ~PeerTrainer() = default;

    /// Computes the gradient, or starts to, until finish_step().
    void begin_step();
    void finish_step();
    void install(const protocol::Install& install);
    /// Between two steps, with nothing frozen. The drift holds what others have learned then.
    void set_model(std::span<const float> values);
    /// Null: the reference is at or past the target already.
    protocol::ContributionPointer freeze(protocol::Epoch target);
    /// Waits for the gradient that is being computed, if any: before a trainer goes that its pool
    /// outlives.
    void await_gradient();
    /// After a step, and after an install.
    [[nodiscard]] protocol::StepReport report();
    [[nodiscard]] peer::TrainingCopy copy() const;
    /// This value of the model becomes that, whatever is going on: training has gone wrong.
    void spoil(std::size_t at, float value);
    void set_max_steps(std::uint64_t max_steps) { m_ledger.set_max_steps(max_steps); }

    [[nodiscard]] const protocol::Learner& learner() const { return *m_learner; }
    [[nodiscard]] const protocol::ReferencePointer& installed() const {
        return m_ledger.reference();
    }
    /// Of a contribution that has steps in it.
    [[nodiscard]] float weight() const {
        return weight_of(m_options.weights, m_learner->samples());
    }
    /// By an earlier life, as this one began; or null.
    [[nodiscard]] const protocol::ContributionPointer& given() const {
        return m_options.start.given;
    }
    [[nodiscard]] std::uint64_t steps() const { return m_ledger.steps(); }
    [[nodiscard]] std::uint64_t steps_since_reference() const {
        return m_ledger.steps_since_reference();
    }
    [[nodiscard]] bool is_stepping() const { return m_stepping; }
    [[nodiscard]] double loss() const { return m_loss; }

private:
    void tell_drop();

    std::unique_ptr<protocol::Learner> m_learner;
    PeerTrainerOptions m_options;
    peer::TrainingLedger m_ledger;
    bool m_stepping = false;
    TaskPool::TaskPointer m_gradient;
    double m_loss = 0;
};

}  // namespace dynavg::simulation
