#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "daemon/app/app_parts.hpp"
#include "daemon/control/status.hpp"
#include "daemon/outputs/health.hpp"

namespace dynavg::daemon {

using protocol::Event;

TransportCounters App::Parts::counters() const {
    TransportCounters all = transport->counters();
    all += exchange->counters();
    return all;
}

Cost App::Parts::cost() const {
    const TransportCounters all = counters();
    return {all.sent.averaging, all.received.averaging, all.sent.monitoring};
}

void App::Parts::report(Event event) {
    if (node && node->core() != nullptr) {
        log.set_position({node->core()->reference()->epoch, protocol::StepIndex(steps)});
    }
    if (event.name == "round_committed") {
        const Cost so_far = cost();
        event.with("bytes_sent", so_far.sent - last_cost.sent)
            .with("bytes_received", so_far.received - last_cost.received)
            .with("bytes_monitoring", so_far.monitoring - last_cost.monitoring);
        last_cost = so_far;
    }
    if (node && node->core() != nullptr) {
        round_log.note(event, node->core()->reference()->epoch, unix_ms());
    }
    health_watch.note(event, now());
    log.write(event);
}

nlohmann::json App::Parts::answer(const nlohmann::json& request) {
    const std::string verb = control::verb_of(request);
    if (verb == "status") return control::to_reply(status());
    if (verb == "peers") return control::to_reply(peers_reply(*node, now()));
    if (verb == "rounds") return control::to_reply(round_log.last(control::count_of(request)));
    if (verb == "set") return steering.set(request);
    if (verb == "pause") return steering.pause(request);
    if (verb == "resume") return steering.resume();
    if (verb == "leave") {
        // The answer goes out first.
        boost::asio::post(io, [this] { depart("dynavg leave"); });
        return control::done_reply();
    }
    if (verb == "reload") return answer_reload();
    if (verb == "check-peers") return check_peers(control::starts_check(request));
    if (verb == "forget") return forget(control::peer_of(request));
    if (verb == "trust" || verb == "revoke" || verb == "token") {
        return change_trust(verb, request);
    }
    return control::error_reply(fmt::format("this daemon does not know the verb '{}'", verb));
}

/// Changes which keys are let in. The reply says so if the disk has not taken the change.
nlohmann::json App::Parts::change_trust(const std::string& verb, const nlohmann::json& request) {
    if (!doorkeeper) return control::error_reply("this network uses no keys (insecure = true)");
    nlohmann::json reply = verb == "token"   ? doorkeeper->take_token()
                           : verb == "trust" ? doorkeeper->trust(control::key_of(request))
                                             : doorkeeper->revoke(control::key_of(request));
    act();
    return reply;
}

/// By name or by fingerprint, among those that have a vote.
nlohmann::json App::Parts::forget(const std::string& peer) {
    const protocol::NodeCore* core = node->core();
    if (core == nullptr) return control::error_reply("this daemon is not in a network yet");
    if (is_observer()) {
        return control::error_reply(
            "this daemon is an observer and has no vote: say it at a member");
    }
    const bool votes = std::ranges::any_of(
        core->roster(), [&](const protocol::Member& member) { return member.id == self.id; });
    if (!votes) {
        return control::error_reply(
            "this node was not in the last round and has no vote: say it at one that was");
    }
    const auto is_named = [&](const protocol::PeerId& id) {
        const protocol::PeerInfo* joined = node->membership().joined(id);
        return id == protocol::PeerId::from_name(peer) || id.fingerprint() == peer ||
               (joined != nullptr && joined->name == peer);
    };
    for (const protocol::Member& member : core->roster()) {
        if (!is_named(member.id)) continue;
        if (core->has_live_voter(member.id)) {
            return control::error_reply(
                fmt::format("{} is alive: stop it there with `dynavg leave`", peer));
        }
        if (!node->forget(member.id, now())) break;
        act();
        return control::done_reply();
    }
    std::vector<std::string> voters;
    for (const protocol::Member& member : core->roster()) {
        if (member.id != self.id) voters.push_back(member.id.fingerprint());
    }
    return control::error_reply(fmt::format(
        "{} has no vote here; beside this node these had one in the last round, by fingerprint: {}",
        peer, voters.empty() ? "none" : fmt::format("{}", fmt::join(voters, ", "))));
}

std::vector<control::HealthFinding> App::Parts::health() const {
    const bool in_network = node->core() != nullptr && trainer.has_value();
    return health_watch.findings(
        {.now = now(),
         .uptime = now() - started_at,
         .role = config.node.role,
         .seeds = config.node.peers.size(),
         .min_peers = config.averaging.min_peers,
         .membership = node->membership(),
         .core = in_network ? node->core() : nullptr,
         .rounds = round_log.counts(),
         .disk_free = checkpoints ? checkpoints->free_bytes() : std::nullopt,
         .disk_wanted = checkpoints ? disk_wanted(learning.initial->shape()) : 0});
}

SteeringHandlers App::Parts::steering_handlers() {
    SteeringHandlers handlers;
    handlers.set_threshold = [this](double threshold) { return set_threshold(threshold); };
    handlers.set_exchange_rate = [this](std::uint64_t bytes_per_second) {
        exchange->set_rate(bytes_per_second);
    };
    handlers.report = [this](Event event) { report(std::move(event)); };
    return handlers;
}

Expected<void, Error> App::Parts::set_threshold(double threshold) {
    if (node->core() == nullptr) return fail("this daemon is not in a network yet");
    auto set = node->set_threshold(threshold, unix_ms(), now());
    if (set) act();
    return set;
}

control::StatusReply App::Parts::status() const {
    control::StatusReply reply;
    reply.node = config.node.name;
    reply.network = config.node.network;
    reply.peer_id = self.id.fingerprint();
    reply.version = version();
    reply.pid = getpid();
    reply.uptime_s = std::chrono::duration<double>(now() - started_at).count();
    reply.model = learning.model;
    reply.parameters = learning.initial->parameters;
    reply.monitor = std::string(name_of(config.averaging.monitor));
    reply.pace = std::string(name_of(config.averaging.pace));
    reply.role = std::string(config::name_of(config.node.role));
    describe(*node, now(), reply);
    reply.rounds = rounds;
    reply.exchange_bytes_per_second = steering.exchange_rate();
    reply.health = health();
    const TransportCounters all = counters();
    reply.bytes = {all.sent.monitoring, all.sent.averaging, all.sent.overhead};
    if (evaluation) {
        reply.accuracy = evaluation->second.accuracy;
        reply.loss = evaluation->second.loss;
    }
    if (!trainer || node->core() == nullptr) {
        reply.training = "waiting-for-peers";
        return reply;
    }
    const TrainerStatus training = trainer->status();
    reply.steps = training.steps;
    reply.steps_since_reference = training.steps_since_reference;
    reply.steps_per_second = training.steps_per_second;
    reply.done = training.done;
    reply.training = is_observer()                     ? "following"
                     : training.done                   ? "done"
                     : !node->core()->has_started()    ? "waiting-for-peers"
                     : steering.is_paused()            ? "paused"
                     : training.waiting && reply.round ? "paused-for-round"
                                                       : "running";
    return reply;
}

}  // namespace dynavg::daemon
