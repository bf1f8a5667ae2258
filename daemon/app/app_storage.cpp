#include <utility>

#include <fmt/format.h>

#include "daemon/app/app_parts.hpp"

// What survives this life of the daemon: reading it at the start, keeping it up to date, and the
// last word at the end.

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

namespace {

bool is_empty(const storage::Found& found) {
    return !found.promise && !found.prepared && !found.reference && !found.local && !found.forgot;
}

protocol::RestoredCore restored_core(const storage::Found& found, const storage::Restart& restart) {
    protocol::RestoredCore core;
    core.reference = restart.reference;
    core.history = found.history;
    // Without its promises it is a stranger, whose vote nobody counts for the earlier lives.
    if (!found.forgot) core.promise = found.promise;
    core.prepared = found.prepared;
    core.drift_since = restart.drift_since;
    core.frozen_for = restart.frozen_for;
    return core;
}

}  // namespace

/// Fails on what the operator must mend. A node that has its settings still to learn keeps nothing.
Expected<void, Error> App::Parts::open_storage() {
    if (!disk || !config.has_averaging_section) return {};
    // Promises and drift are of one peer, and a peer is its name.
    protocol::NetworkFields owner = learning.fields;
    owner["node.name"] = config.node.name;
    if (auto claimed = storage::CheckpointStore::claim(*disk, owner); !claimed) {
        return claimed;
    }
    StorageThreadOptions options;
    options.disk = disk;
    options.shape = learning.initial->shape();
    options.network = storage::digest_of(learning.fields);
    checkpoints.emplace(io, std::move(options), storage_handlers());
    storage::Found found = checkpoints->load();
    for (Event& event : found.events) report(std::move(event));
    if (found.refused) return Unexpected<Error>(*found.refused);
    known_peers = std::move(found.known_peers.peers);
    if (!is_empty(found)) go_on_from(std::move(found));
    return {};
}

void App::Parts::go_on_from(storage::Found found) {
    // The first reference is on no disk: all have it.
    if (!found.reference) {
        found.reference = learning.initial;
        found.history = {{learning.initial->id, {}, {}}};
    }
    const float weight = weight_of(config.averaging.weights, learning.learner->samples());
    restart = storage::make_restart(found, self, weight);
    self.incarnation = restart->incarnation;
    restored = restored_core(found, *restart);
    if (!is_observer()) {
        steps = restart->steps;
        steps_since_reference = restart->steps_since_reference;
    }
    const bool same_optimizer = learning.learner->restore(restart->reference, restart->values,
                                                          restart->optimizer, restart->steps);
    if (same_optimizer || restart->optimizer.empty()) return;
    report(Event("optimizer_reset", Level::info,
                 "[training] names another optimizer than the one of the checkpoint: it starts "
                 "anew, the model goes on")
               .with("steps", restart->steps));
}

StorageThreadHandlers App::Parts::storage_handlers() {
    StorageThreadHandlers handlers;
    handlers.on_promise_written = [this](const protocol::Promise& promise) {
        node->core()->on_promise_written(promise, now());
        act();
    };
    handlers.on_prepared_written = [this](const protocol::Prepared& prepared) {
        node->core()->on_prepared_written(prepared, now());
        act();
    };
    handlers.on_event = [this](Event event) { report(std::move(event)); };
    handlers.on_error = [this](const Error& error) {
        report(Event("failed", Level::error, error.message));
        leave(error.message, 1);
    };
    return handlers;
}

CopyTraining App::Parts::copy_training() {
    return [trainer = &*trainer, incarnation = self.incarnation] {
        TrainingCopy copy = trainer->copy();
        return storage::make_local_record(incarnation, *copy.reference, copy.values,
                                          copy.frozen.get(), copy.steps, copy.steps_since_reference,
                                          std::move(copy.optimizer));
    };
}

/// Now, so that this life is known to the next one, and then whenever the interval is over.
void App::Parts::keep_training() {
    const TrainerStatus status = trainer->status();
    const auto position = std::pair(status.reference, status.steps);
    if (std::exchange(kept_position, position) != position) {
        checkpoints->write_training(copy_training());
    }
    checkpoint_timer.expires_after(std::chrono::seconds(config.node.checkpoint_interval_s));
    checkpoint_timer.async_wait([this](const boost::system::error_code& error) {
        if (!error && !stopping) keep_training();
    });
}

/// The loop has ended. After a failure the model may be in the midst of an update: what was kept
/// before is used.
void App::Parts::keep_last() {
    if (!checkpoints || !trainer) return;
    trainer->stop();
    const bool sound = outcome.exit_code == 0 && !is_observer();
    for (Event& event : checkpoints->finish(sound ? copy_training() : CopyTraining())) {
        if (event.level == Level::debug) event.level = Level::info;
        report(std::move(event));
    }
}

}  // namespace dynavg::daemon
