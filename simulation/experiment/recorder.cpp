#include "simulation/experiment/recorder.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include <fmt/format.h>

namespace dynavg::simulation {

std::uint64_t epoch_end(std::uint64_t epoch, double steps_per_epoch) {
    const double steps = std::max(1.0, steps_per_epoch);
    return static_cast<std::uint64_t>(std::llround(static_cast<double>(epoch) * steps));
}

Recorder::Recorder(const EventQueue& events, RecorderOptions options, Evaluators evaluators,
                   ExperimentListener& listener)
    : m_events(events),
      m_options(options),
      m_evaluators(std::move(evaluators)),
      m_listener(listener),
      m_rounds(events, options.peers,
               [&listener](const RoundRow& row) { listener.on_round(row); }) {
    for (PeerIndex peer = 0; peer < options.peers; ++peer) m_steps.emplace(peer, 0);
}

void Recorder::watch(Peers peers, TaskPool& tasks) {
    m_peers = peers;
    m_tasks = &tasks;
}

void Recorder::on_event(const Peer& peer, const protocol::Event& event) {
    if (event.name == "crossing") {
        m_rounds.on_crossing(peer, event, m_peers);
        finish_check(peer);
    }
    if (event.level < protocol::Level::warning) return;
    m_listener.on_warning(
        fmt::format("peer {}, step {}: {}", peer.index(), peer.steps(), event.message));
}

void Recorder::on_install(const Peer& peer, const protocol::Install& install) {
    m_rounds.on_install(peer, install, m_peers);
}

void Recorder::on_step(const Peer& peer, double loss) {
    // It went on, so it has judged the step before, and does not know yet that it did one more.
    finish_check(peer);
    m_loss_sum += loss;
    ++m_losses;
    m_last_step_at = m_events.now();
    // After a crash it does some steps again.
    std::uint64_t& steps = m_steps.at(peer.index());
    steps = std::max(steps, peer.steps());
    follow_steps();
}

void Recorder::give_up(const Peer& peer) {
    m_steps.erase(peer.index());
    m_rounds.give_up(peer, m_peers);
    if (!m_steps.empty()) follow_steps();
}

/// By one step at a time, except where the slowest peer is given up.
void Recorder::follow_steps() {
    const auto by_steps = [](const auto& a, const auto& b) { return a.second < b.second; };
    const std::uint64_t all_have =
        std::min_element(m_steps.begin(), m_steps.end(), by_steps)->second;
    if (m_step == all_have) return;
    bool is_due = false;
    while (m_step < all_have) {
        is_due |= ++m_step == next_evaluation();
        if (m_step == epoch_end(m_epoch + 1, m_options.steps_per_epoch)) ++m_epoch;
    }
    if (m_options.checks) begin_check();
    if (is_due) add_epoch_row();
    m_listener.on_progress({m_step, m_options.steps, rounds(), m_accuracy_mean});
}

/// In lockstep all models stand at this step until the last peer's state has come.
void Recorder::begin_check() {
    m_open_check = {m_step, 0, exact_variance(m_peers), reference().threshold};
}

/// By the estimate that the first peer to decide has decided by; all have the same.
void Recorder::finish_check(const Peer& peer) {
    const auto& estimate = peer.core().last_estimate();
    if (!m_open_check || !estimate) return;
    m_open_check->estimate = estimate->bound;
    const double ratio = estimate->bound / m_open_check->exact_variance;
    m_checks.ratio_min = m_checks.checks == 0 ? ratio : std::min(m_checks.ratio_min, ratio);
    ++m_checks.checks;
    if (estimate->bound < m_open_check->exact_variance) ++m_checks.below;
    m_listener.on_check(*m_open_check);
    m_open_check.reset();
}

std::optional<CheckStatistics> Recorder::checks() const {
    if (!m_options.checks) return std::nullopt;
    return m_checks;
}

std::uint64_t Recorder::next_evaluation() const {
    return std::min(epoch_end(m_epoch + 1, m_options.steps_per_epoch), m_options.steps);
}

double Recorder::epochs() const {
    const bool whole = m_step == epoch_end(m_epoch, m_options.steps_per_epoch);
    return whole ? static_cast<double>(m_epoch)
                 : static_cast<double>(m_step) / std::max(1.0, m_options.steps_per_epoch);
}

void Recorder::add_epoch_row() {
    const Accuracies accuracies = evaluate();
    const protocol::TrafficBytes bytes = bytes_sent_by(m_peers);
    EpochRow row;
    row.epoch = epochs();
    row.step = m_step;
    row.rounds = rounds();
    row.accuracy_reference = accuracies.reference;
    row.accuracy_mean = accuracies.mean;
    row.train_loss = m_loss_sum / static_cast<double>(m_losses);
    row.bytes_monitoring = bytes.monitoring;
    row.bytes_averaging = bytes.averaging;
    m_loss_sum = 0;
    m_losses = 0;
    m_accuracy_mean = accuracies.mean;
    if (m_options.target_accuracy && !m_reached && accuracies.mean &&
        *accuracies.mean >= *m_options.target_accuracy) {
        m_reached = m_step;
    }
    m_listener.on_epoch(row);
}

const protocol::Reference& Recorder::reference() const {
    const auto up = std::find_if(m_peers.begin(), m_peers.end(),
                                 [](const auto& peer) { return peer->is_up(); });
    return *(up == m_peers.end() ? m_peers.front() : *up)->installed();
}

Recorder::Accuracies Recorder::evaluate() {
    if (!m_evaluators.reference) return {};
    const std::vector<float> mean = mean_model(m_peers);
    const std::span<const float> common(reference().values);
    Accuracies accuracies;
    const auto start = [this](training::Evaluator& evaluator, std::span<const float> model,
                              std::optional<double>& accuracy) {
        return m_tasks->start(
            [&, model] { accuracy = evaluator.evaluate(model, m_step).accuracy; });
    };
    const auto first = start(*m_evaluators.reference, common, accuracies.reference);
    const auto second = start(*m_evaluators.mean, mean, accuracies.mean);
    m_tasks->finish(first);
    m_tasks->finish(second);
    return accuracies;
}

}  // namespace dynavg::simulation
