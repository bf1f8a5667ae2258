#include "simulation/experiment/experiment.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "protocol/base/check.hpp"
#include "simulation/balancer.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/faults/dice.hpp"
#include "simulation/faults/fault_injector.hpp"
#include "simulation/network.hpp"
#include "simulation/peer/peer.hpp"
#include "simulation/task_pool.hpp"
#include "training/assembly/learning.hpp"

namespace dynavg::simulation {

using protocol::Duration;
using namespace std::chrono_literals;

namespace {

/// Virtual; nothing takes so long once the faults are over.
constexpr Duration kStall = 10min;
/// With faults a peer keeps its local training on disk so often: a hundred steps.
constexpr Duration kRecordInterval = 1s;
/// Of this virtual time drawn faults leave the start alone.
constexpr Duration kFirstFault = 500ms;

PeerOptions peer_options(const ExperimentOptions& options, PeerIndex index, std::uint64_t steps,
                         const protocol::ReferencePointer& initial, TaskPool& tasks,
                         Balancer& balancer) {
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
    peer.balance = [&balancer](const auto& order) { return balancer.balance(order); };
    if (std::holds_alternative<std::monostate>(options.faults)) return peer;
    DYNAVG_CHECK(!protocol::traits_of(options.config.averaging.monitor).balances);
    peer.durable = true;
    peer.record_interval = kRecordInterval;
    // A peer that starts again finds another one that is up.
    peer.seeds.clear();
    for (PeerIndex other = 0; other < options.peers; ++other) {
        if (other != index) peer.seeds.push_back(Peer::address_of(other));
    }
    return peer;
}

/// The schedule of the options; random ones fall into the time that so many steps take at least.
FaultSchedule schedule_of(const ExperimentOptions& options, std::uint64_t steps) {
    if (const auto* given = std::get_if<FaultSchedule>(&options.faults)) return *given;
    if (!std::holds_alternative<RandomFaults>(options.faults)) return {};
    FaultLimits limits;
    limits.peers = options.peers;
    limits.begin = kFirstFault;
    limits.end = kFirstFault + static_cast<Duration::rep>(steps) * PeerOptions().step_time;
    limits.faults_max = 20;
    limits.disks = true;
    limits.damage = true;
    Dice dice(protocol::RandomStream(options.config.training.seed,
                                     protocol::RandomPurpose::simulation, 11));
    return draw_faults(limits, dice);
}

/// One run: owns the network, its peers and who watches them.
class Experiment {
public:
    Experiment(const ExperimentOptions& options, RecorderOptions recorder, Evaluators evaluators,
               ExperimentListener& listener)
        : m_options(options),
          m_steps(recorder.steps),
          m_schedule(schedule_of(options, recorder.steps)),
          m_listener(listener),
          m_network(m_events, {}, options.config.training.seed),
          m_balancer(options.config.training.seed),
          m_recorder(m_events, recorder, std::move(evaluators), listener),
          m_tasks(options.threads) {}

    Expected<void, Error> add_peers(const assembly::Data& data);
    Expected<Outcome, Error> run();

private:
    [[nodiscard]] bool is_finished() const;
    [[nodiscard]] bool stands_still() const;
    void give_up_the_lost();
    [[nodiscard]] Summary summary();

    const ExperimentOptions& m_options;
    std::uint64_t m_steps;
    FaultSchedule m_schedule;
    ExperimentListener& m_listener;
    EventQueue m_events;
    Network m_network;
    Balancer m_balancer;
    Recorder m_recorder;
    std::vector<std::unique_ptr<Peer>> m_peers;
    std::optional<FaultInjector> m_faults;
    std::set<PeerIndex> m_lost;  ///< Faults have stopped them for ever.
    TaskPool m_tasks;            ///< After the peers: its threads end before them.
};

Expected<void, Error> Experiment::add_peers(const assembly::Data& data) {
    const config::Config& config = m_options.config;
    const auto made = assembly::make_initial_reference(config, config.averaging);
    if (!made) return Unexpected<Error>(made.error());
    const protocol::ReferencePointer& initial = *made;
    const auto directory = [this](PeerIndex index) {
        return index < m_peers.size() ? m_peers[index].get() : nullptr;
    };
    const auto count = static_cast<std::uint32_t>(m_options.peers);
    for (std::uint32_t index = 0; index < count; ++index) {
        const auto make_trainer = [&config, data, initial, index, count] {
            return assembly::make_trainer(config, config.averaging, data, {index, count}, initial);
        };
        auto trainer = make_trainer();
        if (!trainer) return Unexpected<Error>(trainer.error());
        const auto first =
            std::make_shared<std::unique_ptr<training::Trainer>>(std::move(*trainer));
        const auto make_learner = [first, make_trainer]() -> std::unique_ptr<protocol::Learner> {
            if (*first) return std::move(*first);
            // Of another life, from what has made the first one's.
            auto again = make_trainer();
            DYNAVG_CHECK(again);
            return std::move(*again);
        };
        m_peers.push_back(std::make_unique<Peer>(
            peer_options(m_options, index, m_steps, initial, m_tasks, m_balancer), make_learner,
            m_events, m_network, directory, m_recorder));
        m_events.after({}, [peer = m_peers.back().get()] { peer->start(); });
    }
    m_balancer.watch(m_peers);
    m_recorder.watch(m_peers, m_tasks);
    if (m_schedule.empty()) return {};
    m_faults.emplace(m_events, m_network, m_peers, config.training.seed);
    m_faults->start(m_schedule);
    m_listener.on_faults(to_string(m_schedule));
    return {};
}

/// All have done their steps and hold one reference with all of them in it.
bool Experiment::is_finished() const {
    if (m_recorder.steps() < m_steps || m_lost.size() == m_peers.size()) return false;
    const auto is_lost = [this](const auto& peer) { return m_lost.contains(peer->index()); };
    const auto first = std::find_if_not(m_peers.begin(), m_peers.end(), is_lost);
    return std::all_of(first, m_peers.end(), [&](const auto& peer) {
        return is_lost(peer) ||
               (peer->is_finished() && peer->installed()->id == (*first)->installed()->id);
    });
}

bool Experiment::stands_still() const {
    Duration most = kStall;
    for (const Fault& fault : m_schedule) {
        most = std::max(most, kStall + fault.length.value_or(Duration{}));
    }
    return m_events.empty() || m_events.now() - m_recorder.last_step_at() > most;
}

void Experiment::give_up_the_lost() {
    for (const auto& peer : m_peers) {
        if (!m_faults->is_lost(peer->index()) || !m_lost.insert(peer->index()).second) continue;
        m_recorder.give_up(*peer);
    }
}

Expected<Outcome, Error> Experiment::run() {
    Outcome outcome;
    while (!is_finished() && !m_recorder.reached_target()) {
        outcome.stopped = m_listener.wants_to_stop();
        if (outcome.stopped) break;
        if (stands_still()) {
            return fail(fmt::format("the simulated network stands still at step {} of {}, round {}",
                                    m_recorder.steps(), m_steps, m_recorder.rounds()));
        }
        m_events.run_next();
        if (m_faults) give_up_the_lost();
    }
    outcome.summary = summary();
    return outcome;
}

/// As the papers count: models twice per round and peer, and per balancing and peer in it, a state
/// per check and peer. Of cascade's states so many went out with their sketch.
std::uint64_t bytes_of_formula(const config::Config& config, const Summary& summary,
                               std::uint64_t sketches) {
    const protocol::AveragingSettings& averaging = config.averaging;
    const std::uint64_t models =
        summary.rounds * 4 * summary.parameters * summary.peers * 2 + summary.bytes_balancing;
    if (!protocol::needs_states(averaging.monitor)) return models;
    const std::uint64_t states = summary.steps / averaging.check_every * summary.peers;
    const std::size_t values =
        protocol::state_values(averaging.monitor, averaging.sketch, summary.parameters);
    const std::size_t told = protocol::traits_of(averaging.monitor).brief_values.value_or(values);
    return models + states * 4 * (1 + told) + sketches * 4 * (values - told);
}

std::optional<std::string> target_text(const protocol::ThresholdRule& rule) {
    if (rule.kind == protocol::ThresholdKind::fixed) return std::nullopt;
    return fmt::format("{}:{}", protocol::name_of(rule.kind), rule.target);
}

std::uint64_t sketches_told(const std::vector<std::unique_ptr<Peer>>& peers) {
    std::uint64_t sum = 0;
    for (const auto& peer : peers) {
        if (peer->is_up()) sum += peer->core().sketches_told();
    }
    return sum;
}

Summary Experiment::summary() {
    const config::Config& config = m_options.config;
    const protocol::Reference& reference = m_recorder.reference();
    const protocol::TrafficBytes bytes = bytes_sent_by(m_peers);
    const Recorder::Accuracies accuracies = m_recorder.evaluate();
    Summary summary;
    summary.peers = m_options.peers;
    summary.steps = m_recorder.steps();
    summary.epochs = m_recorder.epochs();
    summary.rounds = m_recorder.rounds();
    summary.parameters = reference.parameters;
    summary.model = config.model.builtin;
    summary.monitor = protocol::monitor_text(config.averaging);
    summary.threshold = config.averaging.threshold;
    summary.threshold_target = target_text(config.averaging.threshold_rule);
    summary.outer_optimizer = protocol::name_of(config.averaging.outer.kind);
    summary.weights = protocol::name_of(config.averaging.weights);
    summary.pace = protocol::name_of(config.averaging.pace);
    summary.bytes_monitoring = bytes.monitoring;
    summary.bytes_averaging = bytes.averaging;
    summary.bytes_overhead = bytes.overhead;
    summary.balancings = m_balancer.balancings();
    summary.balanced_models = m_balancer.models();
    summary.bytes_balancing = m_balancer.bytes();
    summary.bytes_paper = bytes_of_formula(config, summary, sketches_told(m_peers));
    summary.accuracy_reference = accuracies.reference;
    summary.accuracy_mean = accuracies.mean;
    summary.digest = reference.id.digest.hex();
    summary.virtual_s = std::chrono::duration<double>(m_events.now() - protocol::Instant{}).count();
    summary.target_accuracy = m_options.target_accuracy;
    summary.reached_target = m_recorder.reached_target();
    summary.checks = m_recorder.checks();
    summary.seed = config.training.seed;
    summary.model_seed = config.model.seed;
    if (!m_schedule.empty()) summary.faults = to_string(m_schedule);
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
    recorder.checks = options.checks;

    Experiment experiment(options, recorder, std::move(*evaluators), listener);
    if (auto added = experiment.add_peers(*data); !added) return Unexpected<Error>(added.error());
    return experiment.run();
}

}  // namespace dynavg::simulation
