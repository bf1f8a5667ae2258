#include "tests/discovery/joined.hpp"

TEST_CASE("goodbye is told once and counts as not live", "[membership]") {
    Joined node;
    node.membership.on_goodbye(id_of(1), at(1s));
    node.membership.on_goodbye(id_of(1), at(1s));
    const Actions actions = node.membership.take_actions();
    CHECK(actions.disconnects == std::vector<PeerId>{id_of(1)});
    REQUIRE(actions.events.size() == 1);
    CHECK(actions.events[0].name == "peer_left");
    CHECK_FALSE(node.info().live);
    CHECK(node.info().leaving);
    node.beat(at(2s));
    CHECK_FALSE(node.info().live);
    node.membership.on_hello_reply(address_of(1), accepting(node.peer), at(2s));
    CHECK_FALSE(node.info().live);
    // It answers long after: the goodbye was of a former life.
    node.membership.on_hello_reply(address_of(1), accepting(node.peer), at(20s));
    CHECK(node.info().live);
}

TEST_CASE("peers are asked and answered, but not more than needed", "[membership]") {
    Joined node;
    node.membership.on_hello_reply(address_of(2), accepting(hello_of(options_of(2))), at(0s));
    node.membership.on_peers_request(id_of(1), at(1s));
    node.membership.on_peers_request(id_of(1), at(1s));
    node.membership.on_peers_request(id_of(9), at(1s));
    Actions actions = node.membership.take_actions();
    REQUIRE(actions.sends.size() == 1);
    CHECK(std::get<PeersReply>(actions.sends[0].second) ==
          PeersReply{{KnownPeer{id_of(2), address_of(2)}}});

    const PeersReply reply{{{id_of(0), "liar:1"},
                            {id_of(5), address_of(0)},
                            {id_of(1), "liar:2"},
                            {id_of(3), address_of(3)},
                            {id_of(4), "no address"}}};
    node.membership.on_peers_reply(id_of(9), reply, at(1s));
    node.membership.on_tick(at(1s));
    CHECK(node.membership.take_actions().dials.empty());
    node.membership.on_peers_reply(id_of(1), reply, at(1s));
    node.membership.on_tick(at(1s));
    CHECK(node.membership.take_actions().dials == std::vector<Dial>{{address_of(3), id_of(3)}});
}

TEST_CASE("a peer whose own address does not answer is given up with a warning", "[membership]") {
    Joined node;
    node.membership.on_hello("c", hello_of(options_of(2)), at(0s));
    const Actions actions = node.run(at(10min));
    CHECK(has(actions.events, "peer_unreachable"));
    CHECK(std::count(actions.hangups.begin(), actions.hangups.end(), address_of(2)) == 1);
    CHECK(std::count(actions.dials.begin(), actions.dials.end(), Dial{address_of(2), id_of(2)}) ==
          kPendingDialsMax);
}

TEST_CASE("no flood of Hellos, lists or replies grows memory, dials or the log", "[membership]") {
    Joined node;
    dynavg::protocol::RandomStream random(5, dynavg::protocol::RandomPurpose::test);
    std::size_t dials = 0;
    std::size_t events = 0;
    std::uint64_t seconds = 0;
    for (std::size_t i = 0; i < 12000; ++i) {
        const Instant now = at(Duration(static_cast<Duration::rep>(i * 50000)));
        seconds = i / 20;
        if (i % 10 == 0) node.beat(now);
        MembershipOptions options = options_of(100 + i);
        if (random.below(4) == 0) options.fields["x"] = std::to_string(i);
        if (random.below(4) == 0) options.endpoints.direct = "no address";
        if (random.below(8) == 0) options.self.id = id_of(2 + random.below(98));
        options.self.incarnation = Incarnation(static_cast<std::uint32_t>(random.below(9)));
        node.membership.on_hello("c" + std::to_string(i), hello_of(options), now);
        PeersReply list;
        for (std::size_t k = 0; k < 50; ++k) {
            list.peers.push_back({id_of(1000000 + i * 50 + k), address_of(i * 50 + k)});
        }
        node.membership.on_peers_reply(id_of(1), list, now);
        node.membership.on_tick(now);
        const Actions actions = node.membership.take_actions();
        dials += actions.dials.size();
        events += actions.events.size();
        REQUIRE(node.membership.remembered() <=
                2 * dynavg::protocol::limits::kPeersMax + kLearnedMax);
        REQUIRE(actions.next_tick >= now);
    }
    CAPTURE(dials, events, seconds);
    CHECK(node.info().live);
    CHECK(events <= kRefusalLogLinesMax + 5);
    // Each accepted Hello is dialed back until later ones push it out; learned addresses add at
    // most three dials a second.
    CHECK(dials < 12000 * 4 + seconds * 3);
}

TEST_CASE("at capacity those who never joined make room, live peers do not", "[membership]") {
    Membership membership(options_of(0), at(0s));
    constexpr std::size_t kMax = dynavg::protocol::limits::kPeersMax;
    for (std::size_t i = 1; i < kMax; ++i) {
        membership.on_hello_reply(address_of(i), accepting(hello_of(options_of(i))), at(0s));
    }
    membership.on_hello("a", hello_of(options_of(5000)), at(0s));
    membership.on_hello("b", hello_of(options_of(5001)), at(1s));
    CHECK(membership.take_actions().replies[1].message.differences.empty());
    CHECK(membership.live_count() == kMax - 1);
    membership.on_hello_reply(address_of(5001), accepting(hello_of(options_of(5001))), at(1s));
    CHECK(membership.live_count() == kMax);
    membership.on_hello("c", hello_of(options_of(5002)), at(1s));
    const Actions full = membership.take_actions();
    CHECK(full.replies.at(0).message.differences.at(0).field == "limits.peers");
    CHECK(membership.live_count() == kMax);
}
