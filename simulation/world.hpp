#pragma once

#include <memory>
#include <string>
#include <vector>

#include "simulation/checkers.hpp"
#include "simulation/event_queue.hpp"
#include "simulation/faults/faults.hpp"
#include "simulation/network.hpp"
#include "simulation/peer/peer.hpp"

namespace dynavg::simulation {

/// The demands on a network with faults.
enum class FaultMode : std::uint8_t {
    none,      ///< No faults.
    safety,    ///< No fault may break an invariant. At the end all faults stop.
    liveness,  ///< Faults stop for a core that may speak for the last roster; the others never come
               ///< back. The core must go on.
    forget,    ///< Faults stop for any core; the others are dead, and a person has them forgotten.
               ///< The core must go on if that makes it one that may speak for the last roster.
    trust,     ///< Also keys are revoked and tokens closed. At the end all that are not revoked
               ///< trust each other again; they must go on if they may speak for the last roster.
};

[[nodiscard]] std::string_view name_of(FaultMode mode);

struct FaultOptions {
    FaultMode mode = FaultMode::none;
    FaultSchedule schedule;
    /// The schedule's time begins with the first reference of all that started together, not with
    /// the run: peers without a reference could otherwise found a second network.
    bool after_first_round = false;
    protocol::Duration length{};  ///< All faults end then.
};

/// The monitors and threshold rules that are drawn.
enum class Algorithms : std::uint8_t {
    common,  ///< norm, linear, exact, every-step; fixed thresholds.
    every,   ///< The others.
};

/// One network with the toy model. Drawn from a seed by swarm_options() or set by a test.
struct WorldOptions {
    std::uint64_t seed = 0;
    std::size_t peers = 3;
    std::size_t observers = 0;     ///< Besides: with the indices that follow.
    std::size_t extra_values = 0;  ///< Coordinates that stay zero.
    protocol::AveragingSettings averaging;
    std::uint32_t start_peers = 1;
    LinkOptions links;
    protocol::Duration heartbeat_interval = std::chrono::milliseconds(500);
    std::optional<protocol::Duration> suspicion_timeout;
    bool keys = false;           ///< Newcomers come in by the network's token.
    bool all_are_seeds = false;  ///< Else each peer knows one other, and peer exchange the rest.
    std::vector<std::uint64_t> max_steps;          ///< Per peer.
    std::vector<protocol::Duration> step_times;    ///< Per peer.
    std::vector<protocol::Duration> start_delays;  ///< Per peer.
    std::vector<protocol::Duration> clocks_ahead;  ///< Per peer; empty: all show virtual time.
    bool durable = false;                          ///< Peers have disks; see PeerOptions.
    protocol::Duration write_time_max = std::chrono::milliseconds(50);
    protocol::Duration record_interval = std::chrono::seconds(10);
    FaultOptions faults;
    protocol::Duration horizon = std::chrono::minutes(30);  ///< Virtual.
    std::uint64_t events_max = 5'000'000;                   ///< More than that is a livelock.
    std::function<void(const std::string&)> trace;          ///< Gets every event as a line, if set.
    /// "3 peers, lockstep, linear, ...", for people.
    [[nodiscard]] std::string describe() const;
};

struct WorldReport {
    std::vector<Violation> violations;
    bool finished = false;
    std::size_t epochs = 0;
    std::uint64_t events = 0;
    std::uint64_t messages = 0;
    protocol::Duration virtual_time{};
    std::map<std::string, std::uint64_t> event_counts;
    std::vector<protocol::ReferenceId> references;  ///< Of each peer, at the end.
};

/// Runs a network until all peers have done their steps and hold one reference, or until the
/// horizon. Deterministic in the options.
[[nodiscard]] WorldReport run_world(const WorldOptions& options);

/// The options that a seed of the swarm stands for: peers, links, timers, pace, monitor, steps, and
/// faults.
[[nodiscard]] WorldOptions swarm_options(std::uint64_t seed, FaultMode faults = FaultMode::none,
                                         Algorithms algorithms = Algorithms::common);

/// So many observers besides, with faults of their own where the network has faults. All else that
/// the seed means stays.
void add_observers(WorldOptions& options, std::size_t count);

}  // namespace dynavg::simulation
