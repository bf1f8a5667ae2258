#include "control/round_replies.hpp"

#include <algorithm>

#include "control/guarded.hpp"

namespace dynavg::control {

using Json = nlohmann::json;

// Found by the library when it converts a list of them.

static void to_json(Json& json, const RoundRecord& round) {
    json = {{"at_ms", round.at_ms},
            {"epoch", round.epoch},
            {"outcome", round.outcome},
            {"digest", round.digest},
            {"round", round.round},
            {"reason", round.reason},
            {"attempts", round.attempts},
            {"participants", round.participants},
            {"expected", round.expected},
            {"estimate", number_or_null(round.estimate)},
            {"threshold", number_or_null(round.threshold)},
            {"steps", round.steps},
            {"duration_ms", round.duration_ms},
            {"bytes_sent", round.bytes_sent},
            {"bytes_received", round.bytes_received},
            {"bytes_monitoring", round.bytes_monitoring}};
}

static void from_json(const Json& json, RoundRecord& round) {
    json.at("at_ms").get_to(round.at_ms);
    json.at("epoch").get_to(round.epoch);
    json.at("outcome").get_to(round.outcome);
    json.at("digest").get_to(round.digest);
    json.at("round").get_to(round.round);
    json.at("reason").get_to(round.reason);
    json.at("attempts").get_to(round.attempts);
    json.at("participants").get_to(round.participants);
    json.at("expected").get_to(round.expected);
    round.estimate = optional_number(json.at("estimate"));
    round.threshold = optional_number(json.at("threshold"));
    json.at("steps").get_to(round.steps);
    json.at("duration_ms").get_to(round.duration_ms);
    json.at("bytes_sent").get_to(round.bytes_sent);
    json.at("bytes_received").get_to(round.bytes_received);
    json.at("bytes_monitoring").get_to(round.bytes_monitoring);
}

Json rounds_request(std::size_t count) {
    return {{"verb", "rounds"}, {"count", count}};
}

std::size_t count_of(const Json& request) {
    const auto count = request.find("count");
    if (count == request.end() || !count->is_number_unsigned()) return kRoundsKept;
    return std::min<std::uint64_t>(count->get<std::uint64_t>(), kRoundsKept);
}

Json to_reply(const RoundsReply& rounds) {
    return {{"ok", true}, {"rounds", rounds.rounds}};
}

Expected<RoundsReply, Error> rounds_from(const Json& reply) {
    return guarded(reply,
                   [&] { return RoundsReply{reply.at("rounds").get<std::vector<RoundRecord>>()}; });
}

}  // namespace dynavg::control
