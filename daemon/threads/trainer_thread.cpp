#include "daemon/threads/trainer_thread.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "daemon/app/clock.hpp"
#include "daemon/threads/step_clock.hpp"
#include "daemon/threads/thread_name.hpp"
#include "daemon/threads/trainer_mailbox.hpp"
#include "protocol/core/node_core.hpp"

namespace dynavg::daemon {

using protocol::Contribution;
using protocol::ContributionPointer;
using protocol::Epoch;
using protocol::Install;
using protocol::StepReport;

/// Three mutexes: `control` guards what others ask of the trainer, `model` the learner's parameters
/// and the counts that belong to them, `status` a copy of those counts for readers that must not
/// wait. Nobody holds `control` and `model` together; `status` and the mailbox's come last.
struct TrainerThread::Parts {
    Parts(boost::asio::io_context& io, protocol::Learner& trained,
          const TrainerThreadOptions& thread_options, TrainerThreadHandlers handlers)
        : learner(trained),
          options(thread_options),
          mailbox(std::make_shared<TrainerMailbox>(io, std::move(handlers))),
          reference(thread_options.reference),
          steps(thread_options.steps),
          steps_since_reference(thread_options.steps_since_reference),
          steps_in_drift(thread_options.steps_since_reference) {
        update_status();
    }

    enum class Work { end, install, drop_drift, step };

    void run();
    void fail_with(const std::exception& error);
    [[nodiscard]] Work wait_for_work();
    [[nodiscard]] bool may_step() const;  ///< `control` is held.
    void do_install();
    void drop_drift_as_asked();
    void step();
    void apply(const Install& install);
    void drop_drift();
    [[nodiscard]] bool is_check_due() const;
    [[nodiscard]] protocol::LocalState finite_state();
    [[nodiscard]] StepReport report() const;
    void update_status();
    [[nodiscard]] bool wait_until_settled();
    [[nodiscard]] ContributionPointer try_freeze(Epoch target, bool& diverged);
    [[nodiscard]] ContributionPointer frozen_part() const;

    protocol::Learner& learner;
    const TrainerThreadOptions options;
    std::shared_ptr<TrainerMailbox> mailbox;
    std::thread thread;
    std::atomic<std::uint64_t> work_done = 0;

    mutable std::mutex control_mutex;
    std::condition_variable control_changed;
    bool ended = true;  ///< Not started, stopped or failed.
    bool stop_wanted = false;
    bool drop_wanted = false;
    std::uint64_t allowed = 0;
    std::deque<Install> installs;  ///< The first stays until it is done.

    mutable std::mutex model_mutex;
    protocol::ReferencePointer reference;
    std::uint64_t steps = 0;  ///< Written by the trainer thread only, as all below.
    std::uint64_t steps_since_reference = 0;
    std::uint64_t steps_in_drift = 0;  ///< Fewer than since the reference after a drop.
    ContributionPointer frozen;
    ContributionPointer given;
    bool dropped_since_freeze = false;
    double last_loss = 0;
    StepClock clock;

    mutable std::mutex status_mutex;
    TrainerStatus shown;
    StepClock shown_clock;
};

// --- the trainer thread -----------------------------------------------------------------------

void TrainerThread::Parts::run() {
    name_this_thread("trainer");
    try {
        while (true) {
            switch (wait_for_work()) {
                case Work::end:
                    return;
                case Work::install:
                    do_install();
                    break;
                case Work::drop_drift:
                    drop_drift_as_asked();
                    break;
                case Work::step:
                    step();
                    break;
            }
            ++work_done;
        }
    } catch (const std::exception& error) {
        fail_with(error);
    }
}

void TrainerThread::Parts::fail_with(const std::exception& error) {
    {
        const std::lock_guard lock(control_mutex);
        if (std::exchange(ended, true)) return;
    }
    control_changed.notify_all();
    mailbox->put(Error{std::string("training has failed: ") + error.what()});
}

bool TrainerThread::Parts::may_step() const {
    return steps < allowed && steps < options.max_steps;
}

TrainerThread::Parts::Work TrainerThread::Parts::wait_for_work() {
    std::unique_lock lock(control_mutex);
    const auto has_work = [&] {
        return stop_wanted || ended || !installs.empty() || drop_wanted || may_step();
    };
    if (!has_work()) {
        const auto set_waiting = [&](bool waiting) {
            const std::lock_guard status_lock(status_mutex);
            shown.waiting = waiting;
        };
        mailbox->flush();
        set_waiting(true);
        control_changed.wait(lock, has_work);
        set_waiting(false);
    }
    if (stop_wanted || ended) return Work::end;
    if (!installs.empty()) return Work::install;
    return drop_wanted ? Work::drop_drift : Work::step;
}

void TrainerThread::Parts::do_install() {
    Install install;
    {
        const std::lock_guard lock(control_mutex);
        install = installs.front();
    }
    apply(install);
    const std::lock_guard lock(control_mutex);
    installs.pop_front();
    control_changed.notify_all();
}

void TrainerThread::Parts::drop_drift_as_asked() {
    {
        const std::lock_guard lock(model_mutex);
        drop_drift();
    }
    const std::lock_guard lock(control_mutex);
    drop_wanted = false;
    control_changed.notify_all();
}

void TrainerThread::Parts::step() {
    const protocol::Instant begin = now();
    const double loss = learner.compute_gradient();
    std::optional<StepReport> due;
    protocol::Instant end;
    {
        const std::lock_guard lock(model_mutex);
        learner.apply_update();
        ++steps;
        ++steps_since_reference;
        ++steps_in_drift;
        end = now();
        clock.on_step(end - begin, end);
        if (is_check_due()) {
            due = report();
            due->state = finite_state();
        }
        last_loss = loss;
        update_status();
    }
    if (due) mailbox->put_at_leisure(std::move(*due), end);
}

/// `model` is held, as below.
bool TrainerThread::Parts::is_check_due() const {
    return steps_since_reference % options.check_every == 0 || steps >= options.max_steps;
}

/// Drops a drift that is not finite.
protocol::LocalState TrainerThread::Parts::finite_state() {
    protocol::LocalState state = learner.local_state();
    if (std::isfinite(state.squared_norm)) return state;
    drop_drift();
    return learner.local_state();
}

void TrainerThread::Parts::drop_drift() {
    learner.reset_to_reference();
    dropped_since_freeze = true;
    given.reset();
    mailbox->put(TrainerMailbox::Diverged{std::exchange(steps_in_drift, 0)});
}

void TrainerThread::Parts::apply(const Install& install) {
    StepReport done;
    {
        const std::lock_guard lock(model_mutex);
        const protocol::ContributionPointer counted =
            install.spent == protocol::Spent::frozen  ? frozen
            : install.spent == protocol::Spent::given ? given
                                                      : nullptr;
        const bool spent = counted != nullptr;
        // After a drop the model holds nothing of what was frozen: only the reference is its base.
        const bool in_model = spent && !dropped_since_freeze;
        const auto& base = in_model ? counted->values : reference->values;
        learner.install(install.reference, base);
        reference = install.reference;
        if (spent) {
            steps_since_reference -= std::min(steps_since_reference, counted->facts.steps);
            steps_in_drift = std::min(steps_in_drift, steps_since_reference);
        }
        frozen.reset();
        given.reset();
        dropped_since_freeze = false;
        done = report();
        // What is left of the drift counts under the new reference at once.
        if (steps_since_reference > 0 && is_check_due()) done.state = finite_state();
        update_status();
    }
    mailbox->put(std::move(done));
}

/// `model` is held.
StepReport TrainerThread::Parts::report() const {
    StepReport facts;
    facts.reference = reference->id;
    facts.steps = steps;
    facts.steps_since_reference = steps_since_reference;
    facts.step_time = clock.mean();
    facts.done = steps >= options.max_steps;
    return facts;
}

/// `model` is held, or the thread has not begun.
void TrainerThread::Parts::update_status() {
    const std::lock_guard lock(status_mutex);
    shown.steps = steps;
    shown.steps_since_reference = steps_since_reference;
    shown.reference = reference->id;
    shown.loss = last_loss;
    shown.step_time = clock.mean();
    shown.done = steps >= options.max_steps;
    shown_clock = clock;
}

// --- the thread that freezes ------------------------------------------------------------------

/// False if the trainer has ended.
bool TrainerThread::Parts::wait_until_settled() {
    std::unique_lock lock(control_mutex);
    control_changed.wait(
        lock, [&] { return ended || stop_wanted || (installs.empty() && !drop_wanted); });
    return !ended && !stop_wanted;
}

ContributionPointer TrainerThread::Parts::try_freeze(Epoch target, bool& diverged) {
    auto contribution = std::make_shared<Contribution>();
    contribution->target = target;
    contribution->values.resize(learner.shape().values());
    const std::lock_guard lock(model_mutex);
    if (reference->id.epoch >= target) return nullptr;
    const float squared_norm = learner.local_state().squared_norm;
    diverged = !std::isfinite(squared_norm);
    if (diverged) return nullptr;
    dropped_since_freeze = false;
    // Whichever of this node's lives the round holds, it is the same that is spent.
    if (given && given->target == target) return frozen = given;
    learner.copy_contribution(contribution->values);
    contribution->facts.steps = steps_since_reference;
    contribution->facts.weight = steps_in_drift > 0 ? options.weight : 0.0F;
    contribution->facts.squared_norm = squared_norm;
    frozen = contribution;
    return contribution;
}

// --- the thread that writes checkpoints -------------------------------------------------------

/// `model` is held.
ContributionPointer TrainerThread::Parts::frozen_part() const {
    if (!frozen) return given;
    if (!dropped_since_freeze) return frozen;
    // The model holds nothing of it any more.
    auto emptied = std::make_shared<Contribution>(*frozen);
    emptied->values = reference->values;
    return emptied;
}

TrainingCopy TrainerThread::copy() const {
    TrainingCopy copy;
    copy.values.resize(m_parts->learner.shape().values());
    const std::lock_guard lock(m_parts->model_mutex);
    m_parts->learner.copy_contribution(copy.values);
    copy.reference = m_parts->reference;
    copy.frozen = m_parts->frozen_part();
    copy.steps = m_parts->steps;
    copy.steps_since_reference = m_parts->steps_since_reference;
    copy.optimizer = m_parts->learner.optimizer_state();
    return copy;
}

// --- the interface ----------------------------------------------------------------------------

TrainerThread::TrainerThread(boost::asio::io_context& io, protocol::Learner& learner,
                             TrainerThreadOptions options, TrainerThreadHandlers handlers)
    : m_parts(std::make_unique<Parts>(io, learner, options, std::move(handlers))) {}

TrainerThread::~TrainerThread() {
    stop();
}

void TrainerThread::start() {
    m_parts->ended = false;
    m_parts->clock.begin(now());
    m_parts->shown_clock = m_parts->clock;
    // The core learns where training stands, also if no step is left to make; and the others, if
    // there is drift from an earlier life.
    StepReport standing = m_parts->report();
    if (m_parts->steps_since_reference > 0 && m_parts->is_check_due()) {
        standing.state = m_parts->finite_state();
    }
    m_parts->mailbox->put(std::move(standing));
    m_parts->thread = std::thread([parts = m_parts.get()] { parts->run(); });
}

void TrainerThread::stop() {
    m_parts->mailbox->stop();
    {
        const std::lock_guard lock(m_parts->control_mutex);
        m_parts->stop_wanted = true;
    }
    m_parts->control_changed.notify_all();
    if (m_parts->thread.joinable()) m_parts->thread.join();
}

void TrainerThread::allow_until(std::uint64_t total_steps) {
    {
        const std::lock_guard lock(m_parts->control_mutex);
        m_parts->allowed = total_steps;
    }
    m_parts->control_changed.notify_all();
}

void TrainerThread::install(Install install) {
    {
        const std::lock_guard lock(m_parts->control_mutex);
        m_parts->installs.push_back(std::move(install));
    }
    m_parts->control_changed.notify_all();
}

void TrainerThread::restore_given(ContributionPointer contribution) {
    const std::lock_guard lock(m_parts->model_mutex);
    m_parts->given = std::move(contribution);
}

ContributionPointer TrainerThread::freeze(Epoch target) {
    try {
        while (m_parts->wait_until_settled()) {
            bool diverged = false;
            auto contribution = m_parts->try_freeze(target, diverged);
            if (!diverged) return contribution;
            const std::lock_guard lock(m_parts->control_mutex);
            m_parts->drop_wanted = true;
            m_parts->control_changed.notify_all();
        }
    } catch (const std::exception& error) {
        m_parts->fail_with(error);
    }
    return nullptr;
}

TrainerStatus TrainerThread::status() const {
    const std::lock_guard lock(m_parts->status_mutex);
    TrainerStatus status = m_parts->shown;
    status.steps_per_second = m_parts->shown_clock.steps_per_second(now());
    return status;
}

TrainerPulse TrainerThread::pulse() const {
    TrainerPulse pulse;
    std::uint64_t steps = 0;
    {
        const std::lock_guard lock(m_parts->status_mutex);
        steps = m_parts->shown.steps;
        pulse.slowest_step = m_parts->shown_clock.slowest();
    }
    pulse.progress = m_parts->work_done;
    const std::lock_guard lock(m_parts->control_mutex);
    if (m_parts->ended || m_parts->stop_wanted) return pulse;
    pulse.has_work = !m_parts->installs.empty() || m_parts->drop_wanted ||
                     steps < std::min(m_parts->allowed, m_parts->options.max_steps);
    return pulse;
}

}  // namespace dynavg::daemon
