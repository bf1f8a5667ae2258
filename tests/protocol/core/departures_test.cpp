#include "protocol/core/departures.hpp"

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

const Roster kRoster = peers({0, 1, 2});

PeerTable table_of(bool is_live, std::uint32_t life = 1) {
    PeerTable table(peer(0));
    PeerView view;
    PeerInfo info;
    info.member = peer(2, life);
    info.remembers = Incarnation(life);
    info.live = is_live;
    view.peers.push_back(info);
    table.update(view);
    return table;
}

Promise promise_of(const Departures& departures) {
    Promise promise;
    promise.incarnation = promise.remembers = Incarnation(1);
    promise.departed.assign(departures.departing().begin(), departures.departing().end());
    return promise;
}

/// Peer 0 votes with peers 1 and 2; peer 2 is gone, and a person has said so.
struct Named {
    Named() : gone(table_of(false)), departures(peer(0)) {
        departures.on_roster(kRoster, kRoster, gone);
        departures.name(peer(2).id);
    }
    PeerTable gone;
    Departures departures;
};

}  // namespace

TEST_CASE("a peer that is let go is departed once a quorum has acknowledged that", "[departures]") {
    Named named;
    Departures& departures = named.departures;
    departures.review(kRoster, named.gone);
    REQUIRE(departures.let_go());
    CHECK_FALSE(departures.let_go());
    CHECK(departures.electorate().acknowledged().empty());
    REQUIRE(departures.acknowledge(promise_of(departures)));
    // Its own vote counts for that, as a person speaks for it: two of three.
    CHECK(departures.electorate().has_departed(peer(2).id));
    CHECK(departures.electorate().body() == peers({0, 1}));
    const auto events = departures.report();
    REQUIRE(events.size() == 1);
    CHECK(events[0].name == "peer_forgotten");
    CHECK(departures.report().empty());
}

TEST_CASE("a named peer that is back is not let go", "[departures]") {
    Named named;
    named.departures.review(kRoster, table_of(true));
    CHECK_FALSE(named.departures.let_go());
}

TEST_CASE("a named peer that has forgotten its promises is no voter that is back", "[departures]") {
    Named named;
    named.departures.review(kRoster, table_of(true, 2));
    CHECK(named.departures.let_go());
}

TEST_CASE("a departure that other voters acknowledge is acknowledged here too", "[departures]") {
    PeerTable gone = table_of(false);
    Departures departures(peer(0));
    departures.on_roster(kRoster, kRoster, gone);
    departures.hear({peer(1), Incarnation(1)}, {peer(2).id});
    departures.review(kRoster, gone);
    CHECK(departures.let_go());
    CHECK(departures.departing() == std::set<PeerId>{peer(2).id});
}

TEST_CASE("a promise that was written before somebody else was named acknowledges nothing",
          "[departures]") {
    Named named;
    REQUIRE(named.departures.let_go());
    const Promise before = promise_of(named.departures);
    named.departures.name(peer(1).id);
    REQUIRE(named.departures.let_go());
    CHECK_FALSE(named.departures.acknowledge(before));
    CHECK(named.departures.electorate().acknowledged().empty());
    CHECK(named.departures.acknowledge(promise_of(named.departures)));
}

TEST_CASE("a next roster without the peer ends its departure, one with it begins it anew",
          "[departures]") {
    Named named;
    REQUIRE(named.departures.let_go());
    SECTION("with it") {
        named.departures.on_roster(kRoster, kRoster, named.gone);
        CHECK(named.departures.departing().empty());
        CHECK(named.departures.let_go());
    }
    SECTION("without it") {
        named.departures.on_roster(peers({0, 1}), peers({0, 1}), named.gone);
        named.departures.on_roster(kRoster, kRoster, named.gone);
        CHECK_FALSE(named.departures.let_go());
    }
}

TEST_CASE("a restarted peer still counts no vote that an earlier life has let go", "[departures]") {
    Named named;
    REQUIRE(named.departures.let_go());
    const Promise promise = promise_of(named.departures);
    Departures again(peer(0, 2));
    again.restore(kRoster, promise);
    CHECK(again.electorate().acknowledged() == std::vector<PeerId>{peer(2).id});
    Departures stranger(peer(0, 2));
    stranger.restore(kRoster, std::nullopt);
    CHECK(stranger.electorate().acknowledged().empty());
}

}  // namespace dynavg::protocol
