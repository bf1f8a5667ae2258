#include <algorithm>
#include <chrono>
#include <optional>

#include "daemon/app/app_parts.hpp"
#include "daemon/outputs/health.hpp"

// How the daemon is doing, for `dynavg status` and the metrics.

namespace dynavg::daemon {

using protocol::Duration;

std::vector<control::HealthFinding> App::Parts::health() const {
    HealthInputs inputs;
    inputs.uptime = now() - started_at;
    inputs.seeds = config.node.peers.size();
    const auto& view = node->membership().view();
    for (const protocol::PeerInfo& peer : view.peers) {
        const bool counts = peer.live && peer.role == protocol::Role::member;
        inputs.peers_live += counts ? 1 : 0;
    }
    const std::uint32_t together = std::max(config.averaging.min_peers, 2U);
    // An observer needs one to follow.
    inputs.peers_wanted = is_observer() ? 1 : together - 1;
    inputs.clock_skew_ms = node->membership().skew();
    inputs.other_versions = refusals.other_versions();
    inputs.other_settings = refusals.other_settings();
    if (checkpoints) {
        inputs.disk_free = checkpoints->free_bytes();
        inputs.disk_wanted = disk_wanted(learning.initial->shape());
    }
    const protocol::NodeCore* core = node->core();
    if (core == nullptr || !trainer) return assess(inputs);
    const RoundCounts& rounds_so_far = round_log.counts();
    std::optional<Duration> mean_round;
    if (rounds_so_far.committed > 0) {
        const double seconds = rounds_so_far.seconds / static_cast<double>(rounds_so_far.committed);
        mean_round = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
    }
    inputs.round_patience = round_patience(mean_round);
    if (core->round()) inputs.round_open = now() - core->round_since();
    inputs.done = core->is_finished();
    inputs.trainer_silence = watch.silence();
    inputs.trainer_silence_max = watch.bound();
    return assess(inputs);
}

}  // namespace dynavg::daemon
