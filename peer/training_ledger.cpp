#include "peer/training_ledger.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace dynavg::peer {

using protocol::Contribution;
using protocol::ContributionPointer;

TrainingLedger::TrainingLedger(protocol::Learner& learner, const TrainingLedgerOptions& options)
    : m_learner(learner),
      m_max_steps(options.max_steps),
      m_check_every(options.check_every),
      m_weight(options.weight),
      m_reference(options.start.reference),
      m_steps(options.start.steps),
      m_steps_since_reference(options.start.steps_since_reference),
      m_steps_in_drift(options.start.steps_since_reference) {
    m_given.contribution = options.start.given;
}

void TrainingLedger::finish_step() {
    m_learner.apply_update();
    ++m_steps;
    ++m_steps_since_reference;
    ++m_steps_in_drift;
}

bool TrainingLedger::is_state_due() const {
    if (m_steps_since_reference == 0) return false;
    return m_steps_since_reference % m_check_every == 0 || is_done();
}

protocol::StepReport TrainingLedger::report() {
    protocol::StepReport report;
    report.reference = m_reference->id;
    report.steps = m_steps;
    report.steps_since_reference = m_steps_since_reference;
    report.done = is_done();
    if (is_state_due()) report.state = finite_state();
    return report;
}

protocol::LocalState TrainingLedger::finite_state() {
    protocol::LocalState state = m_learner.local_state();
    if (std::isfinite(state.squared_norm)) return state;
    drop();
    return m_learner.local_state();
}

void TrainingLedger::drop() {
    m_learner.reset_to_reference();
    m_frozen.is_in_model = false;
    m_given.is_in_model = false;
    m_dropped = m_dropped.value_or(0) + std::exchange(m_steps_in_drift, 0);
}

std::optional<std::uint64_t> TrainingLedger::take_dropped() {
    return std::exchange(m_dropped, std::nullopt);
}

const TrainingLedger::Part& TrainingLedger::part_of(protocol::Spent spent) const {
    static const Part kNothing;
    switch (spent) {
        case protocol::Spent::frozen:
            return m_frozen;
        case protocol::Spent::given:
            return m_given;
        case protocol::Spent::nothing:
            break;
    }
    return kNothing;
}

void TrainingLedger::install(const protocol::Install& install) {
    const Part spent = part_of(install.spent);
    const bool leaves_model = spent.contribution != nullptr && spent.is_in_model;
    m_learner.install(install.reference,
                      leaves_model ? spent.contribution->values : m_reference->values);
    m_reference = install.reference;
    if (spent.contribution != nullptr) {
        m_steps_since_reference -=
            std::min(m_steps_since_reference, spent.contribution->facts.steps);
        m_steps_in_drift = std::min(m_steps_in_drift, m_steps_since_reference);
    }
    m_frozen = {};
    m_given = {};
}

std::shared_ptr<Contribution> TrainingLedger::room() const {
    auto room = std::make_shared<Contribution>();
    room->values.resize(m_learner.shape().values());
    return room;
}

FreezeResult TrainingLedger::freeze(protocol::Epoch target,
                                    const std::shared_ptr<Contribution>& room) {
    if (m_reference->id.epoch >= target) return {};
    const float squared_norm = m_learner.local_state().squared_norm;
    if (!std::isfinite(squared_norm)) return {nullptr, true};
    if (m_given.contribution && m_given.contribution->target == target) {
        m_frozen = m_given;
        return {m_frozen.contribution};
    }
    m_learner.copy_contribution(room->values);
    room->target = target;
    room->facts.steps = m_steps_since_reference;
    room->facts.weight = m_steps_in_drift > 0 ? m_weight : 0.0F;
    room->facts.squared_norm = squared_norm;
    m_frozen = {room, true};
    return {room};
}

void TrainingLedger::set_model(std::span<const float> values) {
    m_learner.set_model(values);
    m_steps_in_drift = m_steps_since_reference;
}

ContributionPointer TrainingLedger::frozen_part() const {
    const Part& part = m_frozen.contribution ? m_frozen : m_given;
    if (!part.contribution || part.is_in_model) return part.contribution;
    auto emptied = std::make_shared<Contribution>(*part.contribution);
    emptied->values = m_reference->values;
    return emptied;
}

TrainingCopy TrainingLedger::copy(std::vector<float> room) const {
    TrainingCopy copy;
    copy.values = std::move(room);
    m_learner.copy_contribution(copy.values);
    copy.reference = m_reference;
    copy.frozen = frozen_part();
    copy.steps = m_steps;
    copy.steps_since_reference = m_steps_since_reference;
    copy.optimizer = m_learner.optimizer_state();
    return copy;
}

}  // namespace dynavg::peer
