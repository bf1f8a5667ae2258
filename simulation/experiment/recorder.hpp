#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "simulation/event_queue.hpp"
#include "simulation/experiment/results.hpp"
#include "simulation/experiment/round_log.hpp"
#include "simulation/peer/peer.hpp"
#include "simulation/task_pool.hpp"
#include "training/evaluator.hpp"

namespace dynavg::simulation {

/// How far an experiment is.
struct Progress {
    std::uint64_t step = 0;  ///< That every peer has done.
    std::uint64_t steps = 0;
    std::uint64_t rounds = 0;
    std::optional<double> accuracy_mean;  ///< Of the last evaluation.
};

/// Hears of an experiment while it runs: files, a progress bar, a test. Called by the thread
/// that runs it.
class ExperimentListener {
public:
    virtual ~ExperimentListener() = default;
    /// Before all else, if there are any: the faults to come, as parse_faults() reads them.
    virtual void on_faults(const std::string&) {}
    virtual void on_epoch(const EpochRow&) {}
    virtual void on_round(const RoundRow&) {}
    virtual void on_check(const CheckRow&) {}
    /// After every step of all peers.
    virtual void on_progress(const Progress&) {}
    /// A sentence for a person, about what no experiment should have.
    virtual void on_warning(const std::string&) {}
    /// Asked often; true ends the run as it stands.
    [[nodiscard]] virtual bool wants_to_stop() { return false; }
};

/// Evaluators work side by side, so there is one for each model; or none.
struct Evaluators {
    std::unique_ptr<training::Evaluator> reference;
    std::unique_ptr<training::Evaluator> mean;
};

struct RecorderOptions {
    std::size_t peers = 1;
    std::uint64_t steps = 0;
    double steps_per_epoch = 1;  ///< Of all peers together: samples / (batch size x peers).
    std::optional<double> target_accuracy;
    bool checks = false;
};

/// Parallel steps at the end of an epoch; at least one more than at the end of the one before.
[[nodiscard]] std::uint64_t epoch_end(std::uint64_t epoch, double steps_per_epoch);

/// Watches the peers of an experiment and makes the rows of its results. In lockstep an evaluation
/// sees all models at the same step, before a round of that step.
class Recorder final : public Observer {
public:
    Recorder(const EventQueue& events, RecorderOptions options, Evaluators evaluators,
             ExperimentListener& listener);
    /// Before the first event; both outlive the recorder's use.
    void watch(Peers peers, TaskPool& tasks);

    void on_event(const Peer& peer, const protocol::Event& event) override;
    void on_install(const Peer& peer, const protocol::Install& install) override;
    void on_step(const Peer& peer, double loss) override;

    /// It is down for ever: no step and no install of it is waited for.
    void give_up(const Peer& peer);

    /// Of the first peer that is up.
    [[nodiscard]] const protocol::Reference& reference() const;
    /// Of the models as they stand.
    struct Accuracies {
        std::optional<double> reference;
        std::optional<double> mean;
    };
    [[nodiscard]] Accuracies evaluate();

    [[nodiscard]] std::uint64_t steps() const { return m_step; }
    [[nodiscard]] std::uint64_t rounds() const { return m_rounds.rounds(); }
    [[nodiscard]] double epochs() const;
    [[nodiscard]] const std::optional<std::uint64_t>& reached_target() const { return m_reached; }
    /// Nothing where they are not asked for.
    [[nodiscard]] std::optional<CheckStatistics> checks() const;
    /// When a peer has last made a step.
    [[nodiscard]] protocol::Instant last_step_at() const { return m_last_step_at; }

private:
    void follow_steps();
    void add_epoch_row();
    void begin_check();
    void finish_check(const Peer& peer);
    [[nodiscard]] std::uint64_t next_evaluation() const;

    const EventQueue& m_events;
    RecorderOptions m_options;
    Evaluators m_evaluators;
    ExperimentListener& m_listener;
    RoundLog m_rounds;
    Peers m_peers;
    TaskPool* m_tasks = nullptr;

    std::map<PeerIndex, std::uint64_t> m_steps;  ///< The most that any of its lives had done.
    std::uint64_t m_step = 0;
    std::uint64_t m_epoch = 0;  ///< Whole ones that were evaluated.
    double m_loss_sum = 0;
    std::uint64_t m_losses = 0;
    std::optional<double> m_accuracy_mean;
    std::optional<std::uint64_t> m_reached;
    protocol::Instant m_last_step_at{};
    std::optional<CheckRow> m_open_check;  ///< Of m_step; nobody has told its estimate yet.
    CheckStatistics m_checks;
};

}  // namespace dynavg::simulation
