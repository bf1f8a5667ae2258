#include <utility>

#include <fmt/format.h>

#include "daemon/app/app_parts.hpp"

// The state that survives this life of the daemon: it is read at the start, kept up to date, and
// written once more at the end.

namespace dynavg::daemon {

using protocol::Event;
using protocol::Level;

/// Fails on what the operator must mend. A node that has its settings still to learn keeps nothing.
Expected<void, Error> App::Parts::open_storage() {
    if (!config.has_averaging_section) return {};
    storage::Found found;
    if (disk) {
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
        found = checkpoints->load();
        for (Event& event : found.events) report(std::move(event));
        if (found.refused) return Unexpected<Error>(*found.refused);
    }
    go_on_from(std::move(found));
    return {};
}

void App::Parts::go_on_from(storage::Found found) {
    const float weight = weight_of(config.averaging.weights, learning.learner->samples());
    resumed = peer::resume(std::move(found), {self, learning.initial, weight, config.node.role});
    self = resumed.self;
    steps = resumed.training.steps;
    steps_since_reference = resumed.training.steps_since_reference;
    if (restore_learner(*learning.learner, resumed)) return;
    report(Event("optimizer_reset", Level::info,
                 "[training] names another optimizer than the checkpoint: the optimizer starts "
                 "anew, the model goes on")
               .with("steps", steps));
}

StorageThreadHandlers App::Parts::storage_handlers() {
    StorageThreadHandlers handlers;
    handlers.on_promise_written = [this](const protocol::Promise& promise) {
        node->on_promise_written(promise, now());
        act();
    };
    handlers.on_prepared_written = [this](const protocol::Prepared& prepared) {
        node->on_prepared_written(prepared, now());
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
        return peer::local_record(incarnation, trainer->copy());
    };
}

/// Now, so that this life is known to the next one, and then whenever the interval is over.
void App::Parts::keep_training() {
    const TrainerStatus status = trainer->status();
    const auto position = std::pair(status.reference, status.steps);
    if (std::exchange(kept_position, position) != position) {
        checkpoints->write(copy_training());
    }
    checkpoint_timer.expires_after(std::chrono::seconds(config.node.checkpoint_interval_s));
    checkpoint_timer.async_wait([this](const boost::system::error_code& error) {
        if (!error && !stopping) keep_training();
    });
}

/// The loop has ended. After a failure the model may be in the midst of an update: the copy kept
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
