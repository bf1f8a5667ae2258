#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "daemon/app/progress_watch.hpp"
#include "peer/training_ledger.hpp"
#include "protocol/base/expected.hpp"
#include "protocol/base/ids.hpp"
#include "protocol/base/instant.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/reference/learner.hpp"

namespace boost::asio {
class io_context;
}
namespace dynavg::daemon {

using peer::kNoStepLimit;
/// The thread's start values; the reference is installed in the learner already.
using TrainerThreadOptions = peer::TrainingLedgerOptions;
using peer::TrainingCopy;

/// Called on the io thread, from its loop, in the order in which things happened, never after
/// stop(). All must be set.
struct TrainerThreadHandlers {
    /// After a step that was due for a check and after the last step, with the state; after an
    /// install, with the state if drift is left that is due for a check; at the start without one.
    std::function<void(const protocol::StepReport&)> on_report;
    /// The drift was not finite and has been dropped, with so many steps.
    std::function<void(std::uint64_t steps_lost)> on_diverged;
    /// The learner has thrown; the thread has ended.
    std::function<void(Error)> on_error;
};

/// For status displays; up to date after every step.
struct TrainerStatus {
    std::uint64_t steps = 0;
    std::uint64_t steps_since_reference = 0;
    protocol::ReferenceId reference;
    double loss = 0;
    protocol::Duration step_time{};
    double steps_per_second = 0;  ///< Over the last second or so, waiting included.
    bool waiting = false;         ///< For a permit.
    bool done = false;
};

/// The thread "trainer": drives a Learner, so that a step never waits for the network. The rules of
/// the account are peer::TrainingLedger's; this class adds threads, locks, a clock and a mailbox.
///
/// Loop: apply pending installs; wait for a permit; forward and backward pass without a lock; then
/// under the model's mutex update, count, and compute the local state if it is due; report.
/// Reports go through a mailbox with one wake-up of the io thread at a time: of several step
/// reports in a row only the latest is kept. In lockstep none is lost, because the next permit is
/// given only after the report was seen.
///
/// Thread: start, stop, handlers on the io thread; the rest from any. Errors: an exception out of
/// the learner ends the thread and is told by on_error. Cost per step: three uncontended locks, two
/// clock readings, at most one wake-up a millisecond.
class TrainerThread {
public:
    /// `learner` is borrowed until stop(); nobody else may use it between start() and stop().
    TrainerThread(boost::asio::io_context& io, protocol::Learner& learner,
                  TrainerThreadOptions options, TrainerThreadHandlers handlers);
    ~TrainerThread();
    TrainerThread(const TrainerThread&) = delete;
    TrainerThread& operator=(const TrainerThread&) = delete;

    /// No step is made before allow_until().
    void start();
    /// Waits for the step in progress, wakes up freezes. Idempotent.
    void stop();

    /// Steps may be made while the total is below this. May also be lowered: pauses.
    void allow_until(std::uint64_t total_steps);

    /// Moves to a reference between two updates, before any further step, also while waiting for a
    /// permit. In order; each is answered by a report.
    void install(protocol::Install install);
    /// Copies the model as it stands between two updates; never waits for a forward or backward
    /// pass, with two exceptions, both of which wait for the step in progress: an install that was
    /// asked for before is applied first (the parameters cannot move while a pass reads them), and
    /// a drift that is not finite is dropped first. So never call it on the io thread. Null if the
    /// thread has ended, or if the reference is at or past `target` already. Thread: any but the
    /// trainer's and the io thread's. Cost: two passes over the model.
    [[nodiscard]] protocol::ContributionPointer freeze(protocol::Epoch target);

    /// Training as it stands between two updates, for a checkpoint. Never waits for a forward or
    /// backward pass, but holds updates up for as long as the copies of model and optimizer take.
    /// Thread: any but the io thread's; the latter after stop().
    [[nodiscard]] TrainingCopy copy() const;

    /// Never waits for the model's mutex.
    [[nodiscard]] TrainerStatus status() const;
    /// Whether it gets on with its work. Never waits for the model's mutex.
    [[nodiscard]] TrainerPulse pulse() const;

private:
    struct Parts;
    std::unique_ptr<Parts> m_parts;
};

}  // namespace dynavg::daemon
