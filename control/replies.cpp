#include "control/replies.hpp"

#include <cmath>

#include "control/guarded.hpp"

namespace dynavg::control {

namespace {

using Json = nlohmann::json;

double number(const Json& value) {
    return value.is_null() ? std::nan("") : value.get<double>();
}

std::string text_of(const Json& request, std::string_view key) {
    const auto text = request.find(key);
    return text != request.end() && text->is_string() ? text->get<std::string>() : "";
}

/// By its brackets, before anything is made of it.
bool is_nested_too_deep(std::string_view line) {
    std::size_t depth = 0;
    bool in_text = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (c == '"') in_text = !in_text;
        if (in_text) {
            // An escaped quote ends no text.
            if (c == '\\') ++i;
        } else if (c == '[' || c == '{') {
            if (++depth > kNestingMax) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

}  // namespace

// Found by the library when it converts a value or a list of them.

static void to_json(Json& json, const RoundStatus& round) {
    json = {{"target", round.target},
            {"attempt", round.attempt},
            {"participants", round.participants},
            {"since_ms", round.since_ms},
            {"reason", round.reason}};
}

static void from_json(const Json& json, RoundStatus& round) {
    json.at("target").get_to(round.target);
    json.at("attempt").get_to(round.attempt);
    json.at("participants").get_to(round.participants);
    json.at("since_ms").get_to(round.since_ms);
    json.at("reason").get_to(round.reason);
}

static void to_json(Json& json, const HealthFinding& finding) {
    json = {{"name", finding.name}, {"message", finding.message}};
}

static void from_json(const Json& json, HealthFinding& finding) {
    json.at("name").get_to(finding.name);
    json.at("message").get_to(finding.message);
}

static void to_json(Json& json, const BytesStatus& bytes) {
    json = {{"monitoring", bytes.monitoring},
            {"averaging", bytes.averaging},
            {"overhead", bytes.overhead}};
}

static void from_json(const Json& json, BytesStatus& bytes) {
    json.at("monitoring").get_to(bytes.monitoring);
    json.at("averaging").get_to(bytes.averaging);
    json.at("overhead").get_to(bytes.overhead);
}

static void to_json(Json& json, const PeerStatus& peer) {
    json = {{"peer", peer.peer},
            {"name", peer.name},
            {"address", peer.address},
            {"order", peer.order},
            {"role", peer.role},
            {"live", peer.live},
            {"epoch", peer.epoch},
            {"digest", peer.digest},
            {"steps", peer.steps},
            {"step_time_ms", number_or_null(peer.step_time_ms)},
            {"last_heard_ms", peer.last_heard_ms},
            {"suspicion_timeout_ms", peer.suspicion_timeout_ms},
            {"heartbeat_gap_max_ms", peer.heartbeat_gap_max_ms},
            {"clock_offset_s", number_or_null(peer.clock_offset_s)}};
}

static void from_json(const Json& json, PeerStatus& peer) {
    json.at("peer").get_to(peer.peer);
    json.at("name").get_to(peer.name);
    json.at("address").get_to(peer.address);
    json.at("order").get_to(peer.order);
    json.at("role").get_to(peer.role);
    json.at("live").get_to(peer.live);
    json.at("epoch").get_to(peer.epoch);
    json.at("digest").get_to(peer.digest);
    json.at("steps").get_to(peer.steps);
    peer.step_time_ms = number(json.at("step_time_ms"));
    json.at("last_heard_ms").get_to(peer.last_heard_ms);
    json.at("suspicion_timeout_ms").get_to(peer.suspicion_timeout_ms);
    json.at("heartbeat_gap_max_ms").get_to(peer.heartbeat_gap_max_ms);
    peer.clock_offset_s = optional_number(json.at("clock_offset_s"));
}

Json set_request(std::string_view key, double value) {
    return {{"verb", "set"}, {"key", key}, {"value", value}};
}

std::optional<double> value_of(const Json& request) {
    const auto value = request.find("value");
    if (value == request.end() || !value->is_number()) return std::nullopt;
    return value->get<double>();
}

Json pause_request(bool holds_others) {
    return {{"verb", "pause"}, {"holds_others", holds_others}};
}

bool holds_others(const Json& request) {
    const auto held = request.find("holds_others");
    return held != request.end() && held->is_boolean() && held->get<bool>();
}

std::string setting_of(const Json& request) {
    return text_of(request, "key");
}

Json forget_request(std::string_view peer) {
    return {{"verb", "forget"}, {"peer", peer}};
}

Json done_reply() {
    return {{"ok", true}};
}

Json request(std::string_view verb) {
    return {{"verb", verb}};
}

Json error_reply(std::string message) {
    return {{"ok", false}, {"error", std::move(message)}};
}

Json to_reply(const StatusReply& status) {
    return {{"ok", true},
            {"node", status.node},
            {"network", status.network},
            {"peer_id", status.peer_id},
            {"role", status.role},
            {"version", status.version},
            {"pid", status.pid},
            {"uptime_s", number_or_null(status.uptime_s)},
            {"model", status.model},
            {"parameters", status.parameters},
            {"epoch", status.epoch},
            {"digest", status.digest},
            {"roster", status.roster},
            {"steps", status.steps},
            {"steps_since_reference", status.steps_since_reference},
            {"steps_per_second", number_or_null(status.steps_per_second)},
            {"estimate", number_or_null(status.estimate)},
            {"drift", number_or_null(status.drift)},
            {"threshold", number_or_null(status.threshold)},
            {"threshold_to_come", number_or_null(status.threshold_to_come)},
            {"monitor", status.monitor},
            {"pace", status.pace},
            {"accuracy", number_or_null(status.accuracy)},
            {"loss", number_or_null(status.loss)},
            {"peers_live", status.peers_live},
            {"peers_known", status.peers_known},
            {"observers", status.observers},
            {"round", status.round ? Json(*status.round) : Json(nullptr)},
            {"rounds", status.rounds},
            {"bytes", status.bytes},
            {"exchange_bytes_per_second", status.exchange_bytes_per_second},
            {"training", status.training},
            {"done", status.done},
            {"clock_skew_s", number_or_null(status.clock_skew_s)},
            {"health", status.health}};
}

Json to_reply(const PeersReply& peers) {
    return {{"ok", true}, {"peers", peers.peers}};
}

Json to_reply(const ReloadReply& reload) {
    return {{"ok", true}, {"applied", reload.applied}, {"needs_restart", reload.needs_restart}};
}

Expected<StatusReply, Error> status_from(const Json& reply) {
    return guarded(reply, [&] {
        StatusReply status;
        reply.at("node").get_to(status.node);
        reply.at("network").get_to(status.network);
        reply.at("peer_id").get_to(status.peer_id);
        reply.at("role").get_to(status.role);
        reply.at("version").get_to(status.version);
        reply.at("pid").get_to(status.pid);
        status.uptime_s = number(reply.at("uptime_s"));
        reply.at("model").get_to(status.model);
        reply.at("parameters").get_to(status.parameters);
        reply.at("epoch").get_to(status.epoch);
        reply.at("digest").get_to(status.digest);
        reply.at("roster").get_to(status.roster);
        reply.at("steps").get_to(status.steps);
        reply.at("steps_since_reference").get_to(status.steps_since_reference);
        status.steps_per_second = number(reply.at("steps_per_second"));
        status.estimate = optional_number(reply.at("estimate"));
        status.drift = optional_number(reply.at("drift"));
        status.threshold = number(reply.at("threshold"));
        status.threshold_to_come = optional_number(reply.at("threshold_to_come"));
        reply.at("monitor").get_to(status.monitor);
        reply.at("pace").get_to(status.pace);
        status.accuracy = optional_number(reply.at("accuracy"));
        status.loss = optional_number(reply.at("loss"));
        reply.at("peers_live").get_to(status.peers_live);
        reply.at("peers_known").get_to(status.peers_known);
        reply.at("observers").get_to(status.observers);
        const Json& round = reply.at("round");
        if (!round.is_null()) status.round = round.get<RoundStatus>();
        reply.at("rounds").get_to(status.rounds);
        reply.at("bytes").get_to(status.bytes);
        reply.at("exchange_bytes_per_second").get_to(status.exchange_bytes_per_second);
        reply.at("training").get_to(status.training);
        reply.at("done").get_to(status.done);
        status.clock_skew_s = optional_number(reply.at("clock_skew_s"));
        reply.at("health").get_to(status.health);
        return status;
    });
}

Expected<PeersReply, Error> peers_from(const Json& reply) {
    return guarded(reply,
                   [&] { return PeersReply{reply.at("peers").get<std::vector<PeerStatus>>()}; });
}

Expected<ReloadReply, Error> reload_from(const Json& reply) {
    return guarded(reply, [&] {
        using Keys = std::vector<std::string>;
        return ReloadReply{reply.at("applied").get<Keys>(), reply.at("needs_restart").get<Keys>()};
    });
}

Expected<void, Error> done_from(const Json& reply) {
    const auto done = guarded(reply, [] { return true; });
    if (!done) return Unexpected<Error>(done.error());
    return {};
}

std::string verb_of(const Json& request) {
    return text_of(request, "verb");
}

std::string peer_of(const Json& request) {
    return text_of(request, "peer");
}

Json key_request(std::string_view verb, std::string_view key) {
    return {{"verb", verb}, {"key", key}};
}

std::string key_of(const Json& request) {
    return text_of(request, "key");
}

std::string to_line(const Json& message) {
    return message.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::optional<Json> from_line(std::string_view line) {
    if (is_nested_too_deep(line)) return std::nullopt;
    Json parsed = Json::parse(line, nullptr, false);
    if (!parsed.is_object()) return std::nullopt;
    return parsed;
}

}  // namespace dynavg::control
