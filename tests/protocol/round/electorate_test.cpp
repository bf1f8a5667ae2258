#include "protocol/round/electorate.hpp"

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

Voters voters(const Roster& roster) {
    Voters all;
    for (const Member& member : roster) all.push_back({member, member.incarnation});
    return all;
}

Voter voter(int number) {
    return {peer(number), peer(number).incarnation};
}

}  // namespace

TEST_CASE("a quorum is more than half of the last roster", "[electorate]") {
    const Roster last = peers({0, 1, 2, 3, 4});
    CHECK(has_quorum(voters(peers({2, 3, 4})), last));
    CHECK_FALSE(has_quorum(voters(peers({0, 1})), last));
    CHECK_FALSE(has_quorum({}, last));
    CHECK(has_quorum(voters(peers({0})), peers({0})));
}

TEST_CASE("exactly half is a quorum with the first member only", "[electorate]") {
    const Roster last = peers({3, 5, 6, 9});
    CHECK(has_quorum(voters(peers({3, 9})), last));
    CHECK_FALSE(has_quorum(voters(peers({5, 9})), last));
    CHECK_FALSE(has_quorum(voters(peers({3})), last));
}

TEST_CASE("a peer that was not in the last roster does not count", "[electorate]") {
    CHECK_FALSE(has_quorum(voters(peers({0, 7, 8, 9})), peers({0, 1, 2})));
    CHECK_FALSE(has_quorum(voters(peers({0, 1})), {}));
}

TEST_CASE("a restarted peer keeps its vote if it remembers what it promised", "[electorate]") {
    const Roster last{peer(0, 3), peer(1, 3), peer(2, 3)};
    const Voter remembers{peer(2, 9), Incarnation(3)};
    const Voter forgot{peer(2, 9), Incarnation(9)};
    CHECK(has_quorum({{peer(0, 3), Incarnation(3)}, remembers}, last));
    CHECK_FALSE(has_quorum({{peer(0, 3), Incarnation(3)}, forgot}, last));
}

TEST_CASE("a forgotten peer's vote is not needed once a quorum says so", "[electorate]") {
    const Roster last = peers({0, 1, 2, 3, 4});
    Electorate electorate(last);
    const std::vector<PeerId> gone{peer(4).id};
    electorate.acknowledge(gone, voter(0));
    CHECK(electorate.acknowledged() == gone);
    // Its vote does not count any more, and is still needed.
    CHECK(electorate.body() == last);
    CHECK_FALSE(electorate.has_quorum(voters(peers({0, 1, 4}))));
    CHECK(electorate.has_quorum(voters(peers({0, 1, 2}))));
    // The forgotten one's counts as given: with 0 and 4 one more makes three of five.
    electorate.hear(voter(1), gone);
    CHECK(electorate.body() == peers({0, 1, 2, 3}));
    CHECK(electorate.has_departed(peer(4).id));
    CHECK(electorate.has_quorum(voters(peers({0, 1}))));
    CHECK_FALSE(electorate.has_quorum(voters(peers({1, 2}))));
}

TEST_CASE("a departure that others acknowledge is proposed until it is acknowledged here",
          "[electorate]") {
    Electorate electorate(peers({0, 1, 2}));
    electorate.hear(voter(1), {peer(2).id});
    CHECK(electorate.proposed() == std::vector{peer(2).id});
    electorate.hear(voter(7), {peer(0).id});  // Has no vote.
    CHECK(electorate.proposed() == std::vector{peer(2).id});
    electorate.acknowledge({peer(2).id}, voter(0));
    CHECK(electorate.proposed().empty());
}

TEST_CASE("of a roster of two the survivor goes on alone", "[electorate]") {
    Electorate electorate(peers({0, 1}));
    CHECK_FALSE(electorate.has_quorum(voters(peers({1}))));
    electorate.acknowledge({peer(0).id}, voter(1));
    CHECK(electorate.body() == peers({1}));
    CHECK(electorate.has_quorum(voters(peers({1}))));
}

TEST_CASE("the last one of a body cannot be forgotten", "[electorate]") {
    Electorate electorate(peers({0, 1}));
    electorate.acknowledge({peer(0).id, peer(1).id}, voter(1));
    CHECK(electorate.body().size() == 1);
}

TEST_CASE("a quorum that has acknowledged meets every other one", "[electorate]") {
    // All ways to let one of up to six go. On one side those who know that it is in force, on the
    // other those who do not, the forgotten one among them; whoever has acknowledged does not count
    // it. Only a forgotten peer that is alive, and with it nobody who has acknowledged, could
    // split.
    for (int size = 2; size <= 6; ++size) {
        const auto all = 1U << static_cast<unsigned>(size);
        Roster last;
        for (int i = 0; i < size; ++i) last.push_back(peer(i));
        for (unsigned acknowledged = 0; acknowledged + 1 < all; acknowledged += 2) {
            // Peer 0 is forgotten: the first one, whose vote weighs most.
            Electorate knows(last);
            for (int i = 1; i < size; ++i) {
                if ((acknowledged >> i & 1U) != 0) knows.hear(voter(i), {peer(0).id});
            }
            if (!knows.has_departed(peer(0).id)) continue;
            for (unsigned side = 0; side < all; side += 2) {
                Voters after;
                Voters before;
                for (int i = 1; i < size; ++i) {
                    ((side >> i & 1U) != 0 ? after : before).push_back(voter(i));
                }
                if ((acknowledged & ~side) == 0) before.push_back(voter(0));
                const bool splits = knows.has_quorum(after) && has_quorum(before, last);
                if ((acknowledged & ~side) != 0) CHECK_FALSE(splits);
            }
        }
    }
}

}  // namespace dynavg::protocol
