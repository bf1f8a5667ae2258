#include "simulation/world.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "simulation/toy_learner.hpp"

namespace dynavg::simulation {

using protocol::Duration;
using protocol::RandomStream;
using namespace std::chrono_literals;

namespace {

protocol::ReferencePointer initial_reference(const WorldOptions& options) {
    const bool linear = options.averaging.monitor == protocol::MonitorKind::linear;
    const protocol::ReferenceShape shape{options.peers + options.extra_values, 0, linear};
    return make_initial_reference(shape, std::vector<float>(shape.values(), 0.0F),
                                  options.averaging.threshold, options.seed);
}

PeerOptions peer_options(const WorldOptions& options, PeerIndex index,
                         const protocol::ReferencePointer& initial) {
    PeerOptions peer;
    peer.index = index;
    peer.name = fmt::format("peer-{}", index);
    peer.averaging = options.averaging;
    peer.initial = initial;
    peer.start_peers = options.start_peers;
    peer.max_steps = options.max_steps.at(index);
    // A chain: each knows one other, peer exchange finds the rest.
    if (index > 0) peer.seeds = {Peer::address_of(index - 1)};
    peer.heartbeat_interval = options.heartbeat_interval;
    peer.suspicion_timeout = options.suspicion_timeout;
    peer.step_time = options.step_times.at(index);
    peer.start_delay = options.start_delays.at(index);
    peer.seed = options.seed;
    return peer;
}

}  // namespace

std::string WorldOptions::describe() const {
    return fmt::format(
        "{} peers (start {}), {}, {}, threshold {:.3g}, loss {:.0f} %, delay {}-{} ms, repetition "
        "{:.0f} %, heartbeat {} ms, suspicion {}",
        peers, start_peers, name_of(averaging.pace), name_of(averaging.monitor),
        averaging.threshold, 100 * links.loss, links.delay_min / 1ms, links.delay_max / 1ms,
        100 * links.repetition, heartbeat_interval / 1ms,
        suspicion_timeout ? fmt::format("{} ms", *suspicion_timeout / 1ms) : "learned");
}

WorldReport run_world(const WorldOptions& options) {
    EventQueue events;
    Network network(events, options.links, options.seed);
    const auto initial = initial_reference(options);
    Checkers checkers(events, options.peers, options.averaging, initial);
    checkers.trace_to(options.trace);
    std::vector<std::unique_ptr<Peer>> peers;
    const auto directory = [&peers](PeerIndex index) {
        return index < peers.size() ? peers[index].get() : nullptr;
    };
    for (PeerIndex index = 0; index < options.peers; ++index) {
        PeerOptions peer = peer_options(options, index, initial);
        auto learner = std::make_unique<ToyLearner>(index, options.averaging.monitor, initial);
        peers.push_back(std::make_unique<Peer>(std::move(peer), std::move(learner), events, network,
                                               directory, checkers));
        events.after(options.start_delays.at(index), [p = peers.back().get()] { p->start(); });
    }
    const auto finished = [&peers] {
        return std::all_of(peers.begin(), peers.end(), [&peers](const auto& peer) {
            return peer->is_finished() &&
                   peer->core().reference()->id == peers.front()->core().reference()->id;
        });
    };
    WorldReport report;
    const protocol::Instant end = events.now() + options.horizon;
    while (!events.empty() && events.now() < end && checkers.violations().empty() &&
           events.handled() < options.events_max) {
        events.run_next();
        if (events.handled() % 64 == 0 && finished()) break;
    }
    report.finished = finished();
    std::vector<const Peer*> up;
    for (const auto& peer : peers) {
        if (!peer->is_up()) continue;
        up.push_back(peer.get());
        report.references.push_back(peer->core().reference()->id);
    }
    if (checkers.violations().empty()) checkers.on_end(up, report.finished);
    report.violations = checkers.violations();
    report.epochs = checkers.epochs();
    report.events = events.handled();
    report.messages = network.delivered();
    report.virtual_time = events.now() - protocol::Instant{};
    report.event_counts = checkers.event_counts();
    return report;
}

WorldOptions swarm_options(std::uint64_t seed) {
    RandomStream random(seed, protocol::RandomPurpose::simulation, 3);
    const auto between = [&random](std::uint64_t low, std::uint64_t high) {
        return low + random.below(high - low + 1);
    };
    const auto milliseconds = [&between](std::uint64_t low, std::uint64_t high) {
        return Duration(std::chrono::milliseconds(between(low, high)));
    };
    WorldOptions options;
    options.seed = seed;
    options.peers = between(3, 9);
    options.extra_values = random.below(8) == 0 ? between(0, 100000) : between(0, 20);
    protocol::AveragingSettings& averaging = options.averaging;
    averaging.pace = random.below(2) == 0 ? protocol::Pace::lockstep : protocol::Pace::free;
    constexpr std::array kMonitors{protocol::MonitorKind::norm, protocol::MonitorKind::linear,
                                   protocol::MonitorKind::exact};
    averaging.monitor = kMonitors.at(random.below(options.extra_values > 20 ? 2 : 3));
    const bool lockstep = averaging.pace == protocol::Pace::lockstep;
    if (lockstep && random.below(10) == 0) averaging.monitor = protocol::MonitorKind::every_step;
    averaging.threshold = 1.0 + static_cast<double>(random.below(60));
    averaging.max_lag_steps = random.below(3) == 0 ? between(1, 40) : 0;
    averaging.state_interval = milliseconds(5, 100);
    averaging.check_every = random.below(4) == 0 ? between(2, 5) : 1;
    // The others join later. So many must start together that the late ones alone are no quorum.
    const bool late_joiners = random.below(3) == 0;
    options.start_peers = static_cast<std::uint32_t>(
        late_joiners ? between((2 * options.peers + 2) / 3, options.peers) : options.peers);
    constexpr std::array kLoss{0.0, 0.02, 0.1, 0.2, 0.3};
    options.links.loss = kLoss.at(random.below(kLoss.size()));
    options.links.repetition = random.below(2) == 0 ? 0.05 : 0.3;
    options.links.delay_min = milliseconds(0, 5);
    options.links.delay_max = options.links.delay_min + milliseconds(0, 195);
    options.heartbeat_interval = milliseconds(100, 1000);
    // What the detector could choose, the hasty end included.
    if (random.below(2) == 0) options.suspicion_timeout = milliseconds(1500, 30000);
    const bool every_step = averaging.monitor == protocol::MonitorKind::every_step;
    const std::uint64_t steps = every_step ? between(5, 20) : between(30, 200);
    const bool equal_speed = random.below(2) == 0;
    for (std::size_t peer = 0; peer < options.peers; ++peer) {
        options.max_steps.push_back(lockstep ? steps : between(steps / 2, steps));
        options.step_times.push_back(equal_speed ? Duration(20ms) : milliseconds(5, 200));
        const bool late = peer >= options.start_peers;
        options.start_delays.push_back(late ? milliseconds(3000, 10000) : milliseconds(0, 2000));
    }
    return options;
}

}  // namespace dynavg::simulation
