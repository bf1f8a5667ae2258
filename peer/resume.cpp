#include "peer/resume.hpp"

#include <utility>

#include "storage/restore.hpp"

namespace dynavg::peer {

namespace {

bool is_empty(const storage::Found& found) {
    return !found.promise && !found.prepared && !found.reference && !found.local && !found.forgot;
}

protocol::RestoredCore restored_core(storage::Found& found, const storage::Restart& restart) {
    protocol::RestoredCore core;
    core.reference = restart.reference;
    core.history = std::move(found.history);
    // Without its promises it is a stranger, whose vote nobody counts for the earlier lives.
    if (!found.forgot) core.promise = found.promise;
    core.prepared = std::move(found.prepared);
    core.drift_since = restart.drift_since;
    core.frozen_for = restart.frozen_for;
    return core;
}

}  // namespace

Resumption resume(storage::Found found, const FreshLife& fresh) {
    Resumption resumed;
    resumed.self = fresh.self;
    resumed.training.reference = fresh.initial;
    resumed.known_peers = std::move(found.known_peers.peers);
    if (is_empty(found)) return resumed;
    if (!found.reference) {
        found.reference = fresh.initial;
        found.history = {{fresh.initial->id, {}, {}}};
    }
    storage::Restart restart = storage::make_restart(found, fresh.self, fresh.weight);
    resumed.self.incarnation = restart.incarnation;
    resumed.core = restored_core(found, restart);
    resumed.values = std::move(restart.values);
    resumed.training.reference = restart.reference;
    if (fresh.role == protocol::Role::observer) return resumed;
    resumed.optimizer = std::move(restart.optimizer);
    resumed.training.steps = restart.steps;
    resumed.training.steps_since_reference = restart.steps_since_reference;
    resumed.training.given = std::move(restart.given);
    return resumed;
}

bool restore_learner(protocol::Learner& learner, const Resumption& resumed) {
    if (resumed.values.empty()) return true;
    const TrainingStart& training = resumed.training;
    const bool fits =
        learner.restore(training.reference, resumed.values, resumed.optimizer, training.steps);
    return fits || resumed.optimizer.empty();
}

protocol::LocalRecord local_record(protocol::Incarnation incarnation, TrainingCopy copy) {
    return storage::make_local_record(incarnation, *copy.reference, copy.values, copy.frozen.get(),
                                      copy.steps, copy.steps_since_reference,
                                      std::move(copy.optimizer));
}

}  // namespace dynavg::peer
