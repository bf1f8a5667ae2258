#include "control/replies.hpp"

#include <cmath>
#include <limits>
#include <string>

#include <nlohmann/json.hpp>

#include "control/checks.hpp"
#include "control/round_replies.hpp"
#include "tests/catch.hpp"

using namespace dynavg::control;
using Catch::Matchers::Contains;
using Json = nlohmann::json;

namespace {

/// Every field has a value that no other one has.
StatusReply sample_status() {
    StatusReply status;
    status.node = "anna";
    status.network = "field";
    status.peer_id = "0f7d3b57";
    status.role = "member";
    status.version = "0.1.0";
    status.pid = 4711;
    status.uptime_s = 6.5;
    status.model = "lenet5";
    status.parameters = 61706;
    status.epoch = 3;
    status.digest = "5ff62d72";
    status.roster = {"0f7d3b57", "d870b9e9"};
    status.steps = 488;
    status.steps_since_reference = 144;
    status.steps_per_second = 65.6;
    status.estimate = 3.744;
    status.drift = 1.25;
    status.threshold = 5;
    status.threshold_to_come = 7;
    status.monitor = "linear";
    status.pace = "free";
    status.accuracy = 0.845;
    status.loss = 0.5332;
    status.peers_live = 1;
    status.peers_known = 2;
    status.observers = 4;
    status.round = RoundStatus{9, 8, 11, 12, "crossing"};
    status.rounds = 13;
    status.bytes = {14, 15, 16};
    status.exchange_bytes_per_second = 17;
    status.training = "running";
    status.done = true;
    status.clock_skew_s = -2.5;
    status.health = {{"no-peers", "Nobody is there."}};
    return status;
}

PeerStatus sample_peer() {
    PeerStatus peer;
    peer.peer = "d870b9e9";
    peer.name = "bert";
    peer.address = "10.0.0.1:7400";
    peer.order = -1;
    peer.role = "observer";
    peer.live = true;
    peer.epoch = 2;
    peer.digest = "4be61f0c";
    peer.steps = 3;
    peer.step_time_ms = 4.5;
    peer.last_heard_ms = 5;
    peer.suspicion_timeout_ms = 6;
    peer.heartbeat_gap_max_ms = 7;
    peer.clock_offset_s = 8.5;
    return peer;
}

/// As it comes over the socket.
Json sent(const Json& reply) {
    return from_line(to_line(reply)).value();
}

}  // namespace

TEST_CASE("answers come back as they were", "[replies]") {
    CHECK(status_from(sent(to_reply(sample_status()))) == sample_status());
    CHECK(status_from(sent(to_reply(StatusReply{}))) == StatusReply{});
    const PeersReply peers{{sample_peer(), PeerStatus{}}};
    CHECK(peers_from(sent(to_reply(peers))) == peers);
    const ReloadReply reload{{"log.level"}, {"node.bind", "model.builtin"}};
    CHECK(reload_from(sent(to_reply(reload))) == reload);
    CHECK(done_from(sent(done_reply())).has_value());
}

TEST_CASE("numbers that JSON cannot write arrive as none", "[replies]") {
    StatusReply status = sample_status();
    status.estimate = std::nan("");
    status.drift = std::numeric_limits<double>::infinity();
    status.steps_per_second = std::nan("");
    const auto arrived = status_from(sent(to_reply(status)));
    REQUIRE(arrived.has_value());
    CHECK_FALSE(arrived->estimate.has_value());
    CHECK_FALSE(arrived->drift.has_value());
    CHECK(std::isnan(arrived->steps_per_second));
}

TEST_CASE("an answer that lacks a field or has another type is an error", "[replies]") {
    const Json whole = to_reply(sample_status());
    for (const auto& [field, value] : whole.items()) {
        CAPTURE(field);
        Json changed = whole;
        changed.erase(field);
        CHECK_FALSE(status_from(changed).has_value());
        changed[field] = Json::array({Json::object()});
        CHECK_FALSE(status_from(changed).has_value());
    }
    Json more = whole;
    more["of_a_later_version"] = 1;
    CHECK(status_from(more) == sample_status());
}

TEST_CASE("a refusal is told in the daemon's words", "[replies]") {
    const Json refusal = sent(error_reply("There is no peer carl."));
    CHECK(done_from(refusal).error().message == "There is no peer carl.");
    CHECK(status_from(refusal).error().message == "There is no peer carl.");
    CHECK_THAT(done_from(Json::object()).error().message, Contains("no \"ok\""));
    CHECK_THAT(done_from({{"ok", 1}}).error().message, Contains("no \"ok\""));
    CHECK_FALSE(done_from({{"ok", false}}).has_value());
}

TEST_CASE("a request says what its reader asks for", "[replies]") {
    CHECK(verb_of(sent(request("status"))) == "status");
    CHECK(peer_of(sent(forget_request("bert"))) == "bert");
    CHECK(key_of(sent(key_request("trust", "abcd"))) == "abcd");
    CHECK(setting_of(sent(set_request("threshold", 2.5))) == "threshold");
    CHECK(value_of(sent(set_request("threshold", 2.5))) == 2.5);
    CHECK(holds_others(sent(pause_request(true))));
    CHECK_FALSE(holds_others(sent(pause_request(false))));
    CHECK(count_of(sent(rounds_request(7))) == 7);
    CHECK(starts_check(sent(check_peers_request(true))));
    CHECK_FALSE(starts_check(sent(check_peers_request(false))));
}

TEST_CASE("a request with other types asks for nothing", "[replies]") {
    const Json odd{{"verb", 1},      {"peer", Json::object()}, {"key", nullptr}, {"value", "much"},
                   {"count", "all"}, {"holds_others", 1},      {"start", "yes"}};
    CHECK(verb_of(odd).empty());
    CHECK(peer_of(odd).empty());
    CHECK(key_of(odd).empty());
    CHECK(setting_of(odd).empty());
    CHECK_FALSE(value_of(odd).has_value());
    CHECK_FALSE(holds_others(odd));
    CHECK_FALSE(starts_check(odd));
    CHECK(count_of(odd) == kRoundsKept);
}

TEST_CASE("a line is one line of UTF-8, with any text in it", "[replies]") {
    const std::string line = to_line(error_reply("two\nlines, \xff and \"quotes\""));
    CHECK(line.find('\n') == line.size() - 1);
    CHECK(line.find('\xff') == std::string::npos);
    CHECK(done_from(from_line(line).value()).error().message ==
          "two\nlines, \xef\xbf\xbd and \"quotes\"");
}

TEST_CASE("a line is read if it is a JSON object that is nested 32 deep at most", "[replies]") {
    const auto nested = [](std::size_t depth) {
        return "{\"a\":" + std::string(depth - 1, '[') + std::string(depth - 1, ']') + "}";
    };
    CHECK(from_line(nested(kNestingMax)).has_value());
    CHECK_FALSE(from_line(nested(kNestingMax + 1)).has_value());
    // Brackets in a text are not nested.
    CHECK(from_line(R"({"a":"\")" + std::string(100, '[') + "\"}").has_value());
    for (const char* line : {"", "1", "\"a\"", "[]", "{", "{\"a\":}", "{} {}", "null"}) {
        CAPTURE(line);
        CHECK_FALSE(from_line(line).has_value());
    }
}
