#include "simulation/experiment.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "assembly/learning.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/network.hpp"
#include "simulation/peer.hpp"
#include "simulation/task_pool.hpp"

namespace dynavg::simulation {

namespace {

/// Virtual; nothing in a network without faults takes so long.
constexpr std::chrono::minutes kStall(10);

PeerOptions peer_options(const ExperimentOptions& options, PeerIndex index, std::uint64_t steps,
                         const protocol::ReferencePointer& initial, TaskPool& tasks) {
    PeerOptions peer;
    peer.index = index;
    peer.name = fmt::format("peer-{}", index);
    peer.averaging = options.config.averaging;
    peer.initial = initial;
    peer.start_peers = static_cast<std::uint32_t>(options.peers);
    peer.max_steps = steps;
    if (index > 0) peer.seeds = {Peer::address_of(0)};
    peer.seed = options.config.training.seed;
    peer.tasks = &tasks;
    return peer;
}

/// One run: owns the network, its peers and who watches them.
class Experiment {
public:
    Experiment(const ExperimentOptions& options, RecorderOptions recorder, Evaluators evaluators,
               ExperimentListener& listener)
        : m_options(options),
          m_steps(recorder.steps),
          m_listener(listener),
          m_network(m_events, {}, options.config.training.seed),
          m_recorder(m_events, recorder, std::move(evaluators), listener),
          m_tasks(options.threads) {}

    Expected<void, Error> add_peers(const assembly::Data& data);
    Expected<Outcome, Error> run();

private:
    [[nodiscard]] bool is_finished() const;
    [[nodiscard]] Summary summary();

    const ExperimentOptions& m_options;
    std::uint64_t m_steps;
    ExperimentListener& m_listener;
    EventQueue m_events;
    Network m_network;
    Recorder m_recorder;
    std::vector<std::unique_ptr<Peer>> m_peers;
    TaskPool m_tasks;  ///< After the peers: its threads end before them.
};

Expected<void, Error> Experiment::add_peers(const assembly::Data& data) {
    const config::Config& config = m_options.config;
    const auto initial = assembly::make_initial_reference(config.model, config.averaging);
    const auto directory = [this](PeerIndex index) {
        return index < m_peers.size() ? m_peers[index].get() : nullptr;
    };
    const auto count = static_cast<std::uint32_t>(m_options.peers);
    for (std::uint32_t index = 0; index < count; ++index) {
        auto trainer =
            assembly::make_trainer(config, config.averaging, data, {index, count}, initial);
        if (!trainer) return Unexpected<Error>(trainer.error());
        // Without faults there is one life, and so one learner.
        const auto only = std::make_shared<std::unique_ptr<protocol::Learner>>(std::move(*trainer));
        m_peers.push_back(std::make_unique<Peer>(
            peer_options(m_options, index, m_steps, initial, m_tasks),
            [only] { return std::move(*only); }, m_events, m_network, directory, m_recorder));
        m_events.after({}, [peer = m_peers.back().get()] { peer->start(); });
    }
    m_recorder.watch(m_peers, m_tasks);
    return {};
}

/// All have done their steps and hold one reference with all of them in it.
bool Experiment::is_finished() const {
    if (m_recorder.steps() < m_steps) return false;
    return std::all_of(m_peers.begin(), m_peers.end(), [this](const auto& peer) {
        return peer->is_finished() && peer->installed()->id == m_peers.front()->installed()->id;
    });
}

Expected<Outcome, Error> Experiment::run() {
    Outcome outcome;
    while (!is_finished() && !m_recorder.reached_target()) {
        outcome.stopped = m_listener.wants_to_stop();
        if (outcome.stopped) break;
        if (m_events.empty() || m_events.now() - m_recorder.last_step_at() > kStall) {
            return fail(fmt::format("the simulated network stands still at step {} of {}, round {}",
                                    m_recorder.steps(), m_steps, m_recorder.rounds()));
        }
        m_events.run_next();
    }
    outcome.summary = summary();
    return outcome;
}

/// As the papers count: models twice per round and peer, a state per check and peer.
std::uint64_t bytes_of_formula(const config::Config& config, const Summary& summary) {
    const protocol::AveragingSettings& averaging = config.averaging;
    const std::uint64_t models = summary.rounds * 4 * summary.parameters * summary.peers * 2;
    if (averaging.monitor == protocol::MonitorKind::every_step) return models;
    const std::uint64_t state =
        4 * (1 + protocol::state_values(averaging.monitor, averaging.sketch, summary.parameters));
    return models + summary.steps / averaging.check_every * summary.peers * state;
}

Summary Experiment::summary() {
    const config::Config& config = m_options.config;
    const protocol::Reference& reference = *m_peers.front()->installed();
    const protocol::TrafficBytes bytes = bytes_sent_by(m_peers);
    const Recorder::Accuracies accuracies = m_recorder.evaluate();
    Summary summary;
    summary.peers = m_options.peers;
    summary.steps = m_recorder.steps();
    summary.epochs = m_recorder.epochs();
    summary.rounds = m_recorder.rounds();
    summary.parameters = reference.parameters;
    summary.model = config::name_of(config.model.builtin);
    summary.monitor = protocol::name_of(config.averaging.monitor);
    summary.threshold = config.averaging.threshold;
    summary.pace = protocol::name_of(config.averaging.pace);
    summary.bytes_monitoring = bytes.monitoring;
    summary.bytes_averaging = bytes.averaging;
    summary.bytes_overhead = bytes.overhead;
    summary.bytes_paper = bytes_of_formula(config, summary);
    summary.accuracy_reference = accuracies.reference;
    summary.accuracy_mean = accuracies.mean;
    summary.digest = reference.id.digest.hex();
    summary.virtual_s = std::chrono::duration<double>(m_events.now() - protocol::Instant{}).count();
    summary.target_accuracy = m_options.target_accuracy;
    summary.reached_target = m_recorder.reached_target();
    summary.seed = config.training.seed;
    summary.model_seed = config.model.seed;
    return summary;
}

Expected<Evaluators, Error> make_evaluators(const config::Config& config,
                                            const assembly::Data& data) {
    Evaluators evaluators;
    for (auto* place : {&evaluators.reference, &evaluators.mean}) {
        auto made = assembly::make_evaluator(config, data);
        if (!made) return Unexpected<Error>(made.error());
        if (*made) *place = std::make_unique<training::Evaluator>(std::move(**made));
    }
    return evaluators;
}

}  // namespace

Expected<Outcome, Error> run_experiment(const ExperimentOptions& options,
                                        ExperimentListener& listener) {
    const config::Config& config = options.config;
    const auto data = assembly::load_data(config.data);
    if (!data) return Unexpected<Error>(data.error());
    auto evaluators = make_evaluators(config, *data);
    if (!evaluators) return Unexpected<Error>(evaluators.error());

    RecorderOptions recorder;
    recorder.peers = options.peers;
    recorder.steps_per_epoch = static_cast<double>(data->train->size()) /
                               static_cast<double>(config.training.batch_size * options.peers);
    const auto* epochs = std::get_if<Epochs>(&options.length);
    recorder.steps = epochs != nullptr ? epoch_end(epochs->count, recorder.steps_per_epoch)
                                       : std::get<Steps>(options.length).count;
    recorder.target_accuracy = options.target_accuracy;

    Experiment experiment(options, recorder, std::move(*evaluators), listener);
    if (auto added = experiment.add_peers(*data); !added) return Unexpected<Error>(added.error());
    return experiment.run();
}

}  // namespace dynavg::simulation
