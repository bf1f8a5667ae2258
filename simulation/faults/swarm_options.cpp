#include <algorithm>
#include <array>

#include "simulation/faults/dice.hpp"
#include "simulation/world.hpp"

// The network that a seed of the swarm stands for.

namespace dynavg::simulation {

using protocol::Duration;
using protocol::RandomStream;
using namespace std::chrono_literals;

namespace {

Dice dice_of(std::uint64_t seed, std::uint32_t purpose) {
    return Dice(RandomStream(seed, protocol::RandomPurpose::simulation, purpose));
}

/// More steps than any run makes.
constexpr std::uint64_t kUntilTold = 1'000'000'000;
constexpr Duration kEarly = 8s;

void draw_averaging(WorldOptions& options, Dice& dice) {
    protocol::AveragingSettings& averaging = options.averaging;
    averaging.pace = dice.once_in(2) ? protocol::Pace::lockstep : protocol::Pace::free;
    constexpr std::array kMonitors{protocol::MonitorKind::norm, protocol::MonitorKind::linear,
                                   protocol::MonitorKind::exact};
    averaging.monitor = kMonitors.at(dice.between(0, options.extra_values > 20 ? 1 : 2));
    const bool lockstep = averaging.pace == protocol::Pace::lockstep;
    if (lockstep && dice.once_in(10)) averaging.monitor = protocol::MonitorKind::every_step;
    averaging.threshold = 1.0 + static_cast<double>(dice.between(0, 59));
    averaging.max_lag_steps = dice.once_in(3) ? dice.between(1, 40) : 0;
    averaging.state_interval = dice.milliseconds(5, 100);
    averaging.check_every = dice.once_in(4) ? dice.between(2, 5) : 1;
}

/// In place of the common ones. From dice of its own: all else that a seed means stays.
void draw_algorithm(WorldOptions& options, Dice dice) {
    using protocol::MonitorKind;
    protocol::AveragingSettings& averaging = options.averaging;
    constexpr std::array kMonitors{MonitorKind::local,   MonitorKind::interval,
                                   MonitorKind::linear,  MonitorKind::sketch,
                                   MonitorKind::cascade, MonitorKind::cascade};
    constexpr std::size_t kValuesOfSketchMax = 40;
    const std::size_t values = options.peers + options.extra_values;
    const bool sketches = values <= kValuesOfSketchMax;
    averaging.monitor = kMonitors.at(dice.between(0, sketches ? 5 : 2));
    if (sketches) averaging.sketch = {1, static_cast<std::uint32_t>(values)};
    averaging.interval = dice.between(2, 30);
    if (averaging.monitor != MonitorKind::interval && dice.once_in(2)) {
        averaging.threshold_rule = {protocol::ThresholdKind::interval,
                                    static_cast<double>(dice.between(2, 40))};
    }
}

void draw_links(WorldOptions& options, Dice& dice) {
    constexpr std::array kLoss{0.0, 0.02, 0.1, 0.2, 0.3};
    options.links.loss = kLoss.at(dice.between(0, kLoss.size() - 1));
    options.links.repetition = dice.once_in(2) ? 0.05 : 0.3;
    options.links.delay_min = dice.milliseconds(0, 5);
    options.links.delay_max = options.links.delay_min + dice.milliseconds(0, 195);
    options.heartbeat_interval = dice.milliseconds(100, 1000);
    // The timeouts that the detector could choose, the hasty end included.
    if (dice.once_in(2)) options.suspicion_timeout = dice.milliseconds(1500, 30000);
}

void draw_training(WorldOptions& options, Dice& dice) {
    const bool lockstep = options.averaging.pace == protocol::Pace::lockstep;
    const bool every_step = options.averaging.monitor == protocol::MonitorKind::every_step;
    const std::uint64_t steps = every_step ? dice.between(5, 20) : dice.between(30, 200);
    const bool equal_speed = dice.once_in(2);
    for (std::size_t peer = 0; peer < options.peers; ++peer) {
        options.max_steps.push_back(lockstep ? steps : dice.between(steps / 2, steps));
        options.step_times.push_back(equal_speed ? Duration(20ms) : dice.milliseconds(5, 200));
        const bool late = peer >= options.start_peers;
        options.start_delays.push_back(late ? dice.milliseconds(3000, 10000)
                                            : dice.milliseconds(0, 2000));
    }
}

/// In some networks all but one leave, one after another, with disks that may be slow. From dice of
/// its own: the networks of the other seeds stay.
void add_farewells(WorldOptions& options, const FaultLimits& limits, Dice dice) {
    if (!dice.once_in(4)) return;
    draw_farewells(options.faults.schedule, limits, dice);
    // A promise may wait for another write. A peer that is longer silent than its suspicion timeout
    // is accused in every attempt.
    if (dice.once_in(2)) options.write_time_max = dice.magnitude_ms(50, 500);
}

/// All come back, with their disks: a peer that is out in the end is out by its key. Newcomers are
/// under way for as long as tokens come and go.
void limit_to_trust(WorldOptions& options, FaultLimits& limits) {
    options.keys = true;
    limits.keys = true;
    limits.revoked_max = (options.peers - 1) / 2;
    limits.lost_max = limits.forgetful_max = 0;
    limits.disks = options.durable = true;
    limits.end = options.faults.length;
    options.faults.after_first_round = true;
    Dice dice = dice_of(options.seed, 15);
    for (PeerIndex late = options.start_peers; late < options.peers; ++late) {
        options.start_delays.at(late) = dice.magnitude_ms(3'000, 60'000);
    }
}

/// Peers train until the faults are over, slowly enough that a run costs seconds.
void add_faults(WorldOptions& options, FaultMode mode) {
    Dice dice = dice_of(options.seed, 6);
    FaultOptions& faults = options.faults;
    faults.mode = mode;
    faults.length = dice.magnitude_ms(10'000, 90'000);
    FaultLimits limits;
    limits.peers = options.peers;
    limits.begin = 500ms;
    limits.end = faults.length;
    limits.lost_max = dice.between(0, options.peers - 1);
    limits.disks = options.durable = !dice.once_in(8);
    options.write_time_max = dice.magnitude_ms(1, 50);
    options.record_interval = dice.magnitude_ms(200, 20'000);
    // Peers without a reference must be too few to found a network if they are cut off.
    const std::size_t late = options.peers - options.start_peers;
    const std::size_t new_max = options.start_peers / 2;
    if (dice.once_in(2) && new_max > late) limits.forgetful_max = dice.between(0, new_max - late);
    faults.after_first_round =
        mode != FaultMode::safety || late + limits.forgetful_max > 0 || dice.once_in(2);
    // The time before the first reference is short.
    if (!faults.after_first_round && dice.once_in(2)) limits.end = std::min(limits.end, kEarly);
    limits.damage = dice.once_in(6);
    if (mode == FaultMode::trust) limit_to_trust(options, limits);
    faults.schedule = draw_faults(limits, dice);
    const bool may_leave = limits.disks && mode != FaultMode::trust;
    if (may_leave) add_farewells(options, limits, dice_of(options.seed, 14));
    // From dice of their own, so that all else that a seed means stays.
    Dice splits = dice_of(options.seed, 16);
    if (mode == FaultMode::safety && !faults.after_first_round && splits.once_in(2)) {
        draw_first_splits(faults.schedule, limits, splits);
    }
    Dice divergences = dice_of(options.seed, 15);
    if (mode != FaultMode::trust && divergences.once_in(2)) {
        draw_divergences(faults.schedule, limits, divergences);
    }
    // Those that are left would not find each other where all that they know are dead.
    options.all_are_seeds =
        (dice.once_in(2) && mode != FaultMode::trust) || mode == FaultMode::forget;
    options.max_steps.assign(options.peers, kUntilTold);
    options.step_times.clear();
    const bool equal_speed = dice.once_in(2);
    const Duration common = dice.magnitude_ms(20, 400);
    for (std::size_t peer = 0; peer < options.peers; ++peer) {
        options.step_times.push_back(equal_speed ? common : dice.magnitude_ms(20, 400));
        options.clocks_ahead.push_back(dice.milliseconds(0, 100'000'000));
    }
}

/// The faults of one observer: of itself, its disk, and its links to all others.
FaultSchedule observer_faults(const WorldOptions& options, PeerIndex observer, Dice& dice) {
    constexpr std::array kKinds{FaultKind::crash,  FaultKind::wipe, FaultKind::torn,
                                FaultKind::freeze, FaultKind::full, FaultKind::part,
                                FaultKind::bulk,   FaultKind::mute, FaultKind::leave};
    FaultSchedule faults;
    for (std::uint64_t left = dice.between(1, 6); left > 0; --left) {
        Fault fault;
        fault.kind = kKinds.at(dice.between(0, kKinds.size() - 1));
        fault.peers = {observer};
        fault.at = dice.magnitude_ms(500, static_cast<std::uint64_t>(options.faults.length / 1ms));
        fault.length = dice.magnitude_ms(100, 30'000);
        faults.push_back(std::move(fault));
    }
    return faults;
}

}  // namespace

void add_observers(WorldOptions& options, std::size_t count) {
    Dice dice = dice_of(options.seed, 13);
    options.observers = count;
    for (std::size_t added = 0; added < count; ++added) {
        options.max_steps.push_back(0);
        options.step_times.emplace_back(20ms);
        options.start_delays.push_back(dice.milliseconds(0, 10'000));
        if (!options.clocks_ahead.empty()) {
            options.clocks_ahead.push_back(dice.milliseconds(0, 100'000'000));
        }
        if (options.faults.mode == FaultMode::none) continue;
        FaultSchedule& all = options.faults.schedule;
        for (Fault& fault : observer_faults(options, options.peers + added, dice)) {
            all.push_back(std::move(fault));
        }
        std::stable_sort(all.begin(), all.end(),
                         [](const Fault& a, const Fault& b) { return a.at < b.at; });
    }
}

WorldOptions swarm_options(std::uint64_t seed, FaultMode faults, Algorithms algorithms) {
    Dice dice = dice_of(seed, 3);
    WorldOptions options;
    options.seed = seed;
    options.peers = dice.between(3, 9);
    options.extra_values = dice.once_in(8) ? dice.between(0, 100000) : dice.between(0, 20);
    draw_averaging(options, dice);
    if (algorithms == Algorithms::every) draw_algorithm(options, dice_of(seed, 12));
    // The others join later. So many must start together that the late ones alone are no quorum.
    const bool late_joiners = dice.once_in(3);
    const bool needs_late_joiners = faults == FaultMode::trust;
    const std::size_t together_max = options.peers - (needs_late_joiners ? 1 : 0);
    options.start_peers = static_cast<std::uint32_t>(
        late_joiners || needs_late_joiners ? dice.between((2 * options.peers + 2) / 3, together_max)
                                           : options.peers);
    draw_links(options, dice);
    draw_training(options, dice);
    if (faults != FaultMode::none) add_faults(options, faults);
    return options;
}

}  // namespace dynavg::simulation
