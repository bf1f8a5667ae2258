#include "daemon/threads/trainer_thread.hpp"

#include <algorithm>
#include <atomic>
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

namespace dynavg::daemon {

using protocol::ContributionPointer;
using protocol::Epoch;
using protocol::Install;
using protocol::StepReport;

/// Three mutexes: `control` guards what others ask of the trainer, `model` the learner's parameters
/// and the ledger of their steps, `status` a copy of those counts for readers that must not
/// wait. Nobody holds `control` and `model` together; `status` and the mailbox's come last.
struct TrainerThread::Parts {
    Parts(boost::asio::io_context& io, protocol::Learner& trained,
          const TrainerThreadOptions& thread_options, TrainerThreadHandlers handlers)
        : learner(trained),
          max_steps(thread_options.max_steps),
          mailbox(std::make_shared<TrainerMailbox>(io, std::move(handlers))),
          ledger(trained, thread_options) {
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
    [[nodiscard]] StepReport report();
    void tell_drop();
    void update_status();
    [[nodiscard]] bool wait_until_settled();
    [[nodiscard]] peer::FreezeResult try_freeze(Epoch target);

    protocol::Learner& learner;
    const std::uint64_t max_steps;
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
    /// Its counts are written by the trainer thread only, as all below; freeze() writes no count.
    peer::TrainingLedger ledger;
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
    return ledger.steps() < allowed && !ledger.is_done();
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
        ledger.drop_if_not_finite();
        tell_drop();
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
        ledger.finish_step();
        end = now();
        clock.on_step(end - begin, end);
        if (ledger.is_state_due()) due = report();
        last_loss = loss;
        update_status();
    }
    if (due) mailbox->put_at_leisure(std::move(*due), end);
}

void TrainerThread::Parts::apply(const Install& install) {
    StepReport done;
    {
        const std::lock_guard lock(model_mutex);
        ledger.install(install);
        // The rest of the drift counts under the new reference at once.
        done = report();
        update_status();
    }
    mailbox->put(std::move(done));
}

/// `model` is held, or the thread has not begun; as in the next two. A drop comes before the report
/// that follows from it.
StepReport TrainerThread::Parts::report() {
    StepReport report = ledger.report();
    report.step_time = clock.mean();
    tell_drop();
    return report;
}

void TrainerThread::Parts::tell_drop() {
    if (const auto lost = ledger.take_dropped()) mailbox->put(TrainerMailbox::Diverged{*lost});
}

void TrainerThread::Parts::update_status() {
    const std::lock_guard lock(status_mutex);
    shown.steps = ledger.steps();
    shown.steps_since_reference = ledger.steps_since_reference();
    shown.reference = ledger.reference()->id;
    shown.loss = last_loss;
    shown.step_time = clock.mean();
    shown.done = ledger.is_done();
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

/// Room for a copy is made before updates have to wait for it.
peer::FreezeResult TrainerThread::Parts::try_freeze(Epoch target) {
    const auto room = ledger.room();
    const std::lock_guard lock(model_mutex);
    return ledger.freeze(target, room);
}

// --- the thread that writes checkpoints -------------------------------------------------------

TrainingCopy TrainerThread::copy() const {
    std::vector<float> room(m_parts->learner.shape().values());
    const std::lock_guard lock(m_parts->model_mutex);
    return m_parts->ledger.copy(std::move(room));
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
    m_parts->mailbox->put(m_parts->report());
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

ContributionPointer TrainerThread::freeze(Epoch target) {
    try {
        while (m_parts->wait_until_settled()) {
            const peer::FreezeResult result = m_parts->try_freeze(target);
            if (!result.must_drop) return result.contribution;
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
                     steps < std::min(m_parts->allowed, m_parts->max_steps);
    return pulse;
}

}  // namespace dynavg::daemon
