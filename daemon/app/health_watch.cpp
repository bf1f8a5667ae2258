#include "daemon/app/health_watch.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "daemon/outputs/health.hpp"
#include "daemon/outputs/round_log.hpp"
#include "discovery/membership.hpp"
#include "protocol/core/node_core.hpp"

namespace dynavg::daemon {

using protocol::Duration;
using protocol::Event;
using protocol::Level;

namespace {

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

std::optional<Duration> mean_round(const RoundCounts& rounds) {
    if (rounds.committed == 0) return std::nullopt;
    const std::chrono::duration<double> mean(rounds.seconds /
                                             static_cast<double>(rounds.committed));
    return std::chrono::duration_cast<Duration>(mean);
}

/// Other members that a round can count on.
std::uint32_t live_members(const protocol::PeerView& view) {
    const auto counts = [](const protocol::PeerInfo& peer) {
        return peer.live && peer.role == protocol::Role::member;
    };
    return static_cast<std::uint32_t>(std::count_if(view.peers.begin(), view.peers.end(), counts));
}

}  // namespace

void HealthWatch::note(const Event& event, protocol::Instant now) {
    m_refusals.note(event, now);
}

std::optional<Event> HealthWatch::look(const TrainerPulse& pulse, protocol::Instant now) {
    m_training.look(pulse, now);
    const bool told_before = std::exchange(m_told_stuck, m_training.is_stuck());
    if (!m_training.is_stuck() || told_before) return std::nullopt;
    const double silence = seconds(m_training.silence());
    const double bound = seconds(m_training.bound());
    return Event("training_stuck", Level::warning,
                 fmt::format("training has finished no step for {:.0f} s, where {:.0f} s are the "
                             "most to be expected; under systemd the watchdog restarts the daemon; "
                             "look at the disk and the devices that training waits for",
                             silence, bound))
        .with("silence_s", silence)
        .with("bound_s", bound);
}

std::optional<Event> HealthWatch::look(std::optional<OpenFiles> files) {
    if (files && !files->are_few()) files.reset();
    const bool told_before = std::exchange(m_open_files, files).has_value();
    if (!files || told_before) return std::nullopt;
    return Event("open_files_low", Level::warning, open_files_text(*files))
        .with("open", files->open)
        .with("limit", files->limit);
}

std::vector<control::HealthFinding> HealthWatch::findings(const HealthView& view) const {
    HealthInputs inputs;
    inputs.uptime = view.uptime;
    inputs.seeds = view.seeds;
    inputs.peers_live = live_members(view.membership.view());
    // An observer needs one to follow.
    const bool follows = view.role == protocol::Role::observer;
    inputs.peers_wanted = follows ? 1 : std::max(view.min_peers, 2U) - 1;
    inputs.clock_skew_ms = view.membership.skew();
    inputs.other_versions = m_refusals.other_versions();
    inputs.other_settings = m_refusals.other_settings();
    inputs.otherwise_refused = m_refusals.otherwise_refused();
    if (m_open_files) inputs.open_files = open_files_text(*m_open_files);
    inputs.disk_free = view.disk_free;
    inputs.disk_wanted = view.disk_wanted;
    if (view.core == nullptr) return assess(inputs);
    inputs.round_patience = round_patience(mean_round(view.rounds));
    if (view.core->round()) inputs.round_open = view.now - view.core->round_since();
    inputs.done = view.core->is_finished();
    inputs.trainer_silence = m_training.silence();
    inputs.trainer_silence_max = m_training.bound();
    return assess(inputs);
}

}  // namespace dynavg::daemon
