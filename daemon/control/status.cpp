#include "daemon/control/status.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "config/config.hpp"

namespace dynavg::daemon {

using protocol::Duration;
using protocol::Instant;

namespace {

std::uint64_t milliseconds(Duration duration) {
    const auto count = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
    return static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
}

std::optional<double> seconds(const std::optional<discovery::ClockOffset>& offset) {
    if (!offset) return std::nullopt;
    return static_cast<double>(*offset) / 1000;
}

}  // namespace

void describe(const peer::Node& node, Instant now, control::StatusReply& status) {
    const protocol::PeerView all = node.membership().view();
    const protocol::PeerView view = members_of(all);
    status.observers = static_cast<std::uint32_t>(all.peers.size() - view.peers.size());
    status.peers_known = static_cast<std::uint32_t>(view.peers.size());
    status.peers_live = static_cast<std::uint32_t>(std::count_if(
        view.peers.begin(), view.peers.end(), [](const auto& peer) { return peer.live; }));
    status.clock_skew_s = seconds(node.membership().skew());
    const protocol::NodeCore* core = node.core();
    if (core == nullptr) return;
    status.epoch = core->reference()->epoch.value();
    status.digest = core->reference()->id.digest.hex();
    status.threshold = core->reference()->threshold;
    if (const auto drift = core->squared_drift()) status.drift = static_cast<double>(*drift);
    if (core->setting_to_come()) status.threshold_to_come = core->setting_to_come()->threshold;
    for (const protocol::Member& member : core->roster()) {
        status.roster.push_back(member.id.fingerprint());
    }
    if (core->last_estimate()) status.estimate = core->last_estimate()->bound;
    if (const auto& round = core->round()) {
        control::RoundStatus shown;
        shown.target = round->target().value();
        shown.attempt = round->attempt().value();
        shown.participants = static_cast<std::uint32_t>(round->members().size());
        shown.since_ms = milliseconds(now - core->round_since());
        shown.reason = std::string(name_of(round->evidence().reason));
        status.round = shown;
    }
}

std::string status_line(const control::StatusReply& status) {
    if (status.training == "following") {
        return fmt::format("{}: {} of {} peers live, epoch {}", status.training, status.peers_live,
                           status.peers_known, status.epoch);
    }
    const std::string estimate =
        status.estimate ? fmt::format("{:.4g}", *status.estimate) : "unknown";
    return fmt::format("{}: {} of {} peers live, epoch {}, variance {} of {:.4g}, {} steps",
                       status.training, status.peers_live, status.peers_known, status.epoch,
                       estimate, status.threshold, status.steps);
}

control::PeersReply peers_reply(const peer::Node& node, Instant now) {
    control::PeersReply reply;
    for (const protocol::PeerInfo& peer : node.membership().view().peers) {
        control::PeerStatus shown;
        shown.peer = peer.member.id.fingerprint();
        shown.name = peer.name;
        shown.address = peer.address;
        shown.order = peer.member.order;
        shown.role = std::string(config::name_of(peer.role));
        shown.live = peer.live;
        shown.epoch = peer.reference.epoch.value();
        shown.digest = peer.reference.digest.hex();
        shown.steps = peer.steps;
        shown.step_time_ms = static_cast<double>(peer.step_time.count()) / 1000.0;
        shown.last_heard_ms = milliseconds(now - peer.last_heard);
        shown.suspicion_timeout_ms = milliseconds(peer.suspicion_timeout);
        shown.heartbeat_gap_max_ms =
            milliseconds(node.membership().longest_heartbeat_gap(peer.member.id));
        shown.clock_offset_s = seconds(node.membership().clock_offset(peer.member.id));
        reply.peers.push_back(std::move(shown));
    }
    return reply;
}

}  // namespace dynavg::daemon
