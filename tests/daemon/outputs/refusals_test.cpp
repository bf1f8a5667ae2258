#include "daemon/outputs/refusals.hpp"

#include "tests/catch.hpp"

using namespace dynavg::daemon;
using namespace std::chrono_literals;
using dynavg::protocol::Event;
using dynavg::protocol::Instant;
using dynavg::protocol::Level;

namespace {

Event refused(const std::string& peer, std::vector<std::string> reason) {
    return Event("peer_refused", Level::warning, "")
        .with("peer", peer)
        .with("reason", std::move(reason));
}

}  // namespace

TEST_CASE("refusals are told apart by version and settings, and forgotten in time", "[refusals]") {
    Refusals refusals;
    refusals.note(refused("b", {"averaging.threshold: theirs 5, ours 4"}), Instant{1h});
    refusals.note(refused("c", {"model: theirs x, ours y", "protocol.version: theirs 1, ours 2"}),
                  Instant{1h + 5min});
    refusals.note(Event("peer_left", Level::info, "").with("peer", std::string("d")), Instant{1h});
    CHECK(refusals.other_settings() ==
          std::vector<std::string>{"b: averaging.threshold: theirs 5, ours 4"});
    REQUIRE(refusals.other_versions().size() == 1);
    CHECK(refusals.other_versions()[0].starts_with("c: model"));
    refusals.forget_old(Instant{1h} + Refusals::kKept + 1s);
    CHECK(refusals.other_settings().empty());
    CHECK(refusals.other_versions().size() == 1);
}

TEST_CASE("a difference that is no setting is told as the log told it", "[refusals]") {
    Refusals refusals;
    Event twin = refused("b", {"node.name: theirs b at x:1, ours b at y:1"});
    twin.message = "refuses b. Give one of them another name.";
    refusals.note(twin, Instant{1h});
    CHECK(refusals.other_settings().empty());
    CHECK(refusals.otherwise_refused() == std::vector<std::string>{twin.message});
    // One that joins from another address than it was heard at, and nobody else who joins.
    refusals.note(
        Event("peer_joined", Level::warning, "c is in two places.").with("peer", std::string("c")),
        Instant{1h});
    refusals.note(Event("peer_joined", Level::info, "d has joined.").with("peer", std::string("d")),
                  Instant{1h});
    CHECK(refusals.otherwise_refused() ==
          std::vector<std::string>{twin.message, "c is in two places."});
}

TEST_CASE("however many are refused, a few are remembered", "[refusals]") {
    Refusals refusals;
    for (int i = 0; i < 1000; ++i)
        refusals.note(refused(std::to_string(i), {"model: x"}), Instant{1h});
    CHECK(refusals.other_settings().size() == Refusals::kPeersMax);
}
