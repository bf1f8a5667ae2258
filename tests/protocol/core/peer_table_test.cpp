#include "protocol/core/peer_table.hpp"

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

constexpr ReferenceId kOwn{Epoch(4), {1, 1}};
constexpr ReferenceId kOther{Epoch(3), {2, 2}};

/// Peer 1 with peers 0, 2 and 3: 0 holds the same reference, 2 another one, 3 is not live.
PeerView some_view() {
    PeerView view;
    for (const Member& member : peers({0, 2, 3})) {
        PeerInfo info;
        info.member = member;
        info.remembers = Incarnation(1);
        info.live = member.order != 3;
        info.reference = member.order == 2 ? kOther : kOwn;
        view.peers.push_back(info);
    }
    return view;
}

}  // namespace

TEST_CASE("the table tells who is live, and who holds what", "[peer_table]") {
    PeerTable table(peer(1));
    CHECK(table.update(some_view()));
    CHECK_FALSE(table.update(some_view()));
    CHECK(table.live() == peers({0, 1, 2}));
    CHECK(table.live_holders(kOwn) == peers({0, 1}));
    CHECK(table.live_at(kOther) == peers({2}));
    CHECK(table.find(peer(3).id) != nullptr);
    CHECK(table.find(peer(1).id) == nullptr);
}

TEST_CASE("a message under the reference says so sooner than a heartbeat, until the next reference",
          "[peer_table]") {
    PeerTable table(peer(1));
    table.update(some_view());
    CHECK(table.add_holder(peer(2)));
    CHECK_FALSE(table.add_holder(peer(2)));
    CHECK(table.live_holders(kOwn) == peers({0, 1, 2}));
    SECTION("it has gone on") {
        table.remove_holder(peer(2));
    }
    SECTION("this peer has gone on") {
        table.on_reference();
    }
    SECTION("it has gone, and lives again") {
        PeerView view = some_view();
        view.peers.erase(view.peers.begin() + 1);
        CHECK(table.update(view));
        CHECK(table.update(some_view()));
    }
    CHECK(table.live_holders(kOwn) == peers({0, 1}));
}

TEST_CASE("a peer that has left counts as live no more", "[peer_table]") {
    PeerTable table(peer(1));
    table.update(some_view());
    table.discount(peers({2}));
    CHECK(table.live() == peers({0, 1}));
    CHECK(table.live_at(kOther).empty());
}

TEST_CASE("the longest suspicion timeout is that of a live peer, or the default", "[peer_table]") {
    PeerTable table(peer(1));
    PeerView view = some_view();
    view.peers[2].suspicion_timeout = 20s;
    table.update(view);
    CHECK(table.suspicion_timeout_max() == limits::kSuspicionTimeoutDefault);
    view.peers[0].suspicion_timeout = 10s;
    table.update(view);
    CHECK(table.suspicion_timeout_max() == 10s);
}

TEST_CASE("a live voter is one that remembers what it has promised in the roster", "[peer_table]") {
    PeerTable table(peer(1));
    PeerView view = some_view();
    view.peers[1].remembers = Incarnation(2);
    table.update(view);
    const Roster roster = peers({0, 1, 2, 3});
    CHECK(has_live_voter(peer(0).id, roster, table));
    CHECK_FALSE(has_live_voter(peer(2).id, roster, table));
    CHECK_FALSE(has_live_voter(peer(3).id, roster, table));
    CHECK_FALSE(has_live_voter(peer(0).id, peers({1, 2}), table));
}

}  // namespace dynavg::protocol
