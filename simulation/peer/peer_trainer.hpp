#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "protocol/core/node_core.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/learner.hpp"
#include "simulation/task_pool.hpp"

namespace dynavg::simulation {

struct PeerTrainerOptions {
    protocol::ReferencePointer reference;  ///< Installed in the learner already.
    std::uint64_t steps = 0;               ///< Total so far, if this goes on from a checkpoint.
    std::uint64_t steps_since_reference = 0;
    /// What an earlier life gave to a round whose end it did not see; may be null.
    protocol::ContributionPointer given;
    std::uint64_t check_every = 1;
    protocol::WeightRule weights = protocol::WeightRule::equal;
    TaskPool* tasks = nullptr;  ///< See PeerOptions.
    /// The drift was not finite and has been dropped, with so many steps.
    std::function<void(std::uint64_t steps_lost)> on_diverged;
};

/// The trainer of one life of a simulated peer: does with a Learner what the daemon's trainer
/// thread does, in steps that its driver begins and ends.
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
    protocol::ContributionPointer freeze(protocol::Epoch target);
    /// Waits for the gradient that is being computed, if any: before a trainer goes that its pool
    /// outlives.
    void await_gradient();
    /// After a step, and after an install that left some drift. With the state if this step is due
    /// for a check, or is the last one.
    [[nodiscard]] protocol::StepReport report(std::uint64_t max_steps);

    [[nodiscard]] const protocol::Learner& learner() const { return *m_learner; }
    [[nodiscard]] const protocol::ReferencePointer& installed() const { return m_installed; }
    /// What counts as frozen for the next reference: of this life, else what was given.
    [[nodiscard]] const protocol::ContributionPointer& frozen() const {
        return m_frozen ? m_frozen : m_given;
    }
    /// Of a contribution that has steps in it.
    [[nodiscard]] float weight() const {
        return weight_of(m_options.weights, m_learner->samples());
    }
    [[nodiscard]] std::uint64_t steps() const { return m_steps; }
    [[nodiscard]] std::uint64_t steps_since_reference() const { return m_steps_since; }
    [[nodiscard]] bool is_stepping() const { return m_stepping; }
    [[nodiscard]] double loss() const { return m_loss; }

private:
    [[nodiscard]] protocol::LocalState finite_state();

    std::unique_ptr<protocol::Learner> m_learner;
    PeerTrainerOptions m_options;
    protocol::ReferencePointer m_installed;
    protocol::ContributionPointer m_frozen;
    protocol::ContributionPointer m_given;
    std::uint64_t m_steps;
    std::uint64_t m_steps_since;
    std::uint64_t m_steps_in_drift;  ///< Fewer than m_steps_since after a drop.
    bool m_dropped_since_freeze = false;
    bool m_stepping = false;
    TaskPool::TaskPointer m_gradient;
    double m_loss = 0;
};

}  // namespace dynavg::simulation
