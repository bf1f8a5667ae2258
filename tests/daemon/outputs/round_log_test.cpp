#include "daemon/outputs/round_log.hpp"

#include <limits>

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using protocol::Epoch;
using protocol::Event;
using protocol::Level;

namespace {

Event committed(double estimate = 5.25) {
    return Event("round_committed", Level::info, "")
        .with("round", std::string("7-0011"))
        .with("attempt", 1)
        .with("reason", std::string("crossing"))
        .with("participants", std::vector<std::string>{"a", "b"})
        .with("expected", 3)
        .with("digest", std::string("ff"))
        .with("estimate", estimate)
        .with("threshold", 5.0)
        .with("steps", 120)
        .with("duration_ms", 250)
        .with("bytes_sent", 10)
        .with("bytes_received", 20)
        .with("bytes_monitoring", 30);
}

}  // namespace

TEST_CASE("a round is remembered with its evidence, and survives the way to the tool",
          "[round_log]") {
    RoundLog log;
    log.note(committed(), Epoch(7), 1234);
    control::RoundRecord wanted;
    wanted.at_ms = 1234;
    wanted.epoch = 7;
    wanted.outcome = "committed";
    wanted.digest = "ff";
    wanted.round = "7-0011";
    wanted.reason = "crossing";
    wanted.attempts = 2;
    wanted.participants = {"a", "b"};
    wanted.expected = 3;
    wanted.estimate = 5.25;
    wanted.threshold = 5;
    wanted.steps = 120;
    wanted.duration_ms = 250;
    wanted.bytes_sent = 10;
    wanted.bytes_received = 20;
    wanted.bytes_monitoring = 30;
    const control::RoundsReply reply = log.last(9);
    CHECK(reply == control::RoundsReply{{wanted}});
    CHECK(control::rounds_from(control::to_reply(reply)) == reply);
}

TEST_CASE("rounds are counted by how they ended", "[round_log]") {
    RoundLog log;
    log.note(committed(std::numeric_limits<double>::infinity()), Epoch(1), 1);
    log.note(Event("round_restarted", Level::warning, ""), Epoch(1), 2);
    log.note(Event("adopted", Level::info, "").with("to_reference", std::string("ee")), Epoch(3),
             3);
    log.note(Event("evaluated", Level::info, ""), Epoch(3), 4);
    CHECK(log.counts().committed == 1);
    CHECK(log.counts().incomplete == 1);
    CHECK(log.counts().restarted == 1);
    CHECK(log.counts().adopted == 1);
    CHECK(log.counts().seconds == 0.25);
    const control::RoundsReply reply = log.last(9);
    REQUIRE(reply.rounds.size() == 2);
    CHECK_FALSE(reply.rounds[0].estimate);
    CHECK(reply.rounds[1].outcome == "adopted");
    CHECK(reply.rounds[1].digest == "ee");
    CHECK(reply.rounds[1].epoch == 3);
}

TEST_CASE("only the last rounds are kept, and the newest ones told", "[round_log]") {
    RoundLog log;
    for (std::uint32_t i = 1; i <= control::kRoundsKept + 10; ++i)
        log.note(committed(), Epoch(i), i);
    CHECK(log.last(10'000).rounds.size() == control::kRoundsKept);
    CHECK(log.last(2).rounds.front().epoch == control::kRoundsKept + 9);
    CHECK(log.last(2).rounds.back().epoch == control::kRoundsKept + 10);
    CHECK(log.last(0).rounds.empty());
    CHECK(control::count_of({{"count", 3U}}) == 3);
    CHECK(control::count_of({{"count", -3}}) == control::kRoundsKept);
    CHECK(control::count_of({{"count", 1e9}}) == control::kRoundsKept);
}
