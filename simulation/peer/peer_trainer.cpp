#include "simulation/peer/peer_trainer.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

PeerTrainer::PeerTrainer(std::unique_ptr<protocol::Learner> learner, PeerTrainerOptions options)
    : m_learner(std::move(learner)),
      m_options(std::move(options)),
      m_installed(m_options.reference),
      m_given(m_options.given),
      m_steps(m_options.steps),
      m_steps_since(m_options.steps_since_reference),
      m_steps_in_drift(m_options.steps_since_reference) {}

void PeerTrainer::begin_step() {
    DYNAVG_CHECK(!m_stepping);
    m_stepping = true;
    auto work = [this] { m_loss = m_learner->compute_gradient(); };
    if (m_options.tasks == nullptr) return work();
    m_gradient = m_options.tasks->start(std::move(work));
}

void PeerTrainer::finish_step() {
    DYNAVG_CHECK(m_stepping);
    m_stepping = false;
    await_gradient();
    m_learner->apply_update();
    ++m_steps;
    ++m_steps_since;
    ++m_steps_in_drift;
}

void PeerTrainer::await_gradient() {
    if (const auto gradient = std::exchange(m_gradient, nullptr)) m_options.tasks->finish(gradient);
}

void PeerTrainer::install(const protocol::Install& install) {
    await_gradient();
    const protocol::ContributionPointer counted =
        install.spent == protocol::Spent::frozen  ? m_frozen
        : install.spent == protocol::Spent::given ? m_given
                                                  : nullptr;
    DYNAVG_CHECK(install.spent != protocol::Spent::frozen || counted != nullptr);
    // After a drop the model holds nothing of what was frozen: only the reference is its base.
    const bool in_model = counted != nullptr && !m_dropped_since_freeze;
    m_learner->install(install.reference, in_model ? counted->values : m_installed->values);
    if (counted != nullptr) {
        m_steps_since -= std::min(m_steps_since, counted->facts.steps);
        m_steps_in_drift = std::min(m_steps_in_drift, m_steps_since);
    }
    m_installed = install.reference;
    m_frozen.reset();
    m_given.reset();
    m_dropped_since_freeze = false;
}

void PeerTrainer::set_model(std::span<const float> values) {
    DYNAVG_CHECK(!m_stepping && m_frozen == nullptr);
    m_learner->set_model(values);
    m_steps_in_drift = m_steps_since;
}

protocol::ContributionPointer PeerTrainer::freeze(protocol::Epoch target) {
    // An earlier life may have given it to this very round already.
    if (m_given && m_given->target == target) {
        m_frozen = m_given;
        return m_frozen;
    }
    const float squared_norm = finite_state().squared_norm;
    auto contribution = std::make_shared<protocol::Contribution>();
    contribution->target = target;
    contribution->facts.steps = m_steps_since;
    contribution->facts.weight = m_steps_in_drift > 0 ? weight() : 0.0F;
    contribution->facts.squared_norm = squared_norm;
    contribution->values.resize(m_learner->shape().values());
    m_learner->copy_contribution(contribution->values);
    m_dropped_since_freeze = false;
    m_frozen = contribution;
    return contribution;
}

protocol::StepReport PeerTrainer::report(std::uint64_t max_steps) {
    protocol::StepReport report;
    report.reference = m_installed->id;
    report.steps = m_steps;
    report.steps_since_reference = m_steps_since;
    report.done = m_steps >= max_steps;
    const bool check = m_steps_since % m_options.check_every == 0 || report.done;
    if (m_steps_since > 0 && check) report.state = finite_state();
    return report;
}

/// Peers refuse a state that is not finite: such a drift is dropped, as the daemon's trainer does.
protocol::LocalState PeerTrainer::finite_state() {
    protocol::LocalState state = m_learner->local_state();
    if (std::isfinite(state.squared_norm)) return state;
    await_gradient();
    m_learner->reset_to_reference();
    m_dropped_since_freeze = true;
    m_given.reset();
    m_options.on_diverged(std::exchange(m_steps_in_drift, 0));
    return m_learner->local_state();
}

}  // namespace dynavg::simulation
