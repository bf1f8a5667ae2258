#include "simulation/peer/peer_trainer.hpp"

#include <utility>
#include <vector>

#include "protocol/base/check.hpp"

namespace dynavg::simulation {

namespace {

peer::TrainingLedgerOptions ledger_options(const PeerTrainerOptions& options,
                                           const protocol::Learner& learner) {
    peer::TrainingLedgerOptions ledger;
    ledger.start = options.start;
    ledger.max_steps = options.max_steps;
    ledger.check_every = options.check_every;
    ledger.weight = weight_of(options.weights, learner.samples());
    return ledger;
}

}  // namespace

PeerTrainer::PeerTrainer(std::unique_ptr<protocol::Learner> learner, PeerTrainerOptions options)
    : m_learner(std::move(learner)),
      m_options(std::move(options)),
      m_ledger(*m_learner, ledger_options(m_options, *m_learner)) {}

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
    m_ledger.finish_step();
}

void PeerTrainer::await_gradient() {
    if (const auto gradient = std::exchange(m_gradient, nullptr)) m_options.tasks->finish(gradient);
}

void PeerTrainer::install(const protocol::Install& install) {
    await_gradient();
    m_ledger.install(install);
}

void PeerTrainer::set_model(std::span<const float> values) {
    DYNAVG_CHECK(!m_stepping);
    m_ledger.set_model(values);
}

void PeerTrainer::spoil(std::size_t at, float value) {
    await_gradient();
    std::vector<float> values(m_learner->shape().values());
    m_learner->copy_contribution(values);
    values[at] = value;
    m_learner->set_model(values);
}

protocol::ContributionPointer PeerTrainer::freeze(protocol::Epoch target) {
    const auto room = m_ledger.room();
    peer::FreezeResult result = m_ledger.freeze(target, room);
    if (result.must_drop) {
        // The model moves, which a gradient that is being computed reads.
        await_gradient();
        m_ledger.drop_if_not_finite();
        tell_drop();
        result = m_ledger.freeze(target, room);
    }
    return result.contribution;
}

protocol::StepReport PeerTrainer::report() {
    // A drop moves the model.
    if (m_ledger.is_state_due()) await_gradient();
    protocol::StepReport report = m_ledger.report();
    tell_drop();
    return report;
}

void PeerTrainer::tell_drop() {
    if (const auto lost = m_ledger.take_dropped()) m_options.on_diverged(*lost);
}

peer::TrainingCopy PeerTrainer::copy() const {
    return m_ledger.copy(std::vector<float>(m_learner->shape().values()));
}

}  // namespace dynavg::simulation
