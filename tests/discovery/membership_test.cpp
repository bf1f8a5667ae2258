#include "tests/discovery/joined.hpp"

TEST_CASE("a peer joins once each has accepted the other", "[membership]") {
    Membership membership(options_of(0), at(0s));
    const Hello hello = hello_of(options_of(1));
    membership.on_hello("connection-7", hello, at(1s));
    Actions actions = membership.take_actions();
    REQUIRE(actions.replies.size() == 1);
    CHECK(actions.replies[0].connection == "connection-7");
    CHECK(actions.replies[0].message.differences.empty());
    CHECK(actions.replies[0].message.hello == hello_of(options_of(0)));
    CHECK(actions.connects.empty());
    CHECK(membership.view().peers.empty());

    membership.on_tick(at(1s));
    actions = membership.take_actions();
    CHECK(actions.dials == std::vector<Dial>{{address_of(1), id_of(1)}});
    membership.on_hello_reply(address_of(1), accepting(hello), at(2s));
    actions = membership.take_actions();
    REQUIRE(actions.connects.size() == 1);
    CHECK(actions.connects[0].peer == id_of(1));
    CHECK(actions.connects[0].endpoints == hello.endpoints);
    REQUIRE(membership.view().peers.size() == 1);
    CHECK(membership.view().peers[0].live);
    CHECK(membership.view().peers[0].member == hello.member);
    CHECK(has(actions.events, "peer_joined"));
    CHECK(membership.take_view_changed());
    CHECK_FALSE(membership.take_view_changed());
}

TEST_CASE("heartbeats are due every interval with jitter", "[membership]") {
    Membership membership(options_of(0), at(0s));
    int due = 0;
    Instant next = membership.take_actions().next_tick;
    bool jitter = false;
    Instant last = at(0s);
    while (next <= at(100s)) {
        membership.on_tick(next);
        const Actions actions = membership.take_actions();
        if (actions.heartbeat_due) {
            if (due > 0) {
                CHECK(next - last >= 475ms);
                CHECK(next - last <= 525ms);
            }
            jitter = jitter || (due > 0 && next - last != 500ms);
            last = next;
            ++due;
        }
        REQUIRE(actions.next_tick > next);
        next = actions.next_tick;
    }
    CHECK(due > 190);
    CHECK(due < 211);
    CHECK(jitter);
}

TEST_CASE("old and repeated heartbeats are ignored", "[membership]") {
    Joined node;
    node.beat(10, at(500ms));
    node.beat(13, at(1s));
    CHECK(node.info().steps == 13);
    node.beat(12, at(2s));
    node.beat(13, at(2s));
    CHECK(node.info().steps == 13);
    CHECK(node.info().last_heard == at(1s));
}

TEST_CASE("a silent peer is suspected, dialed, and live again when heard", "[membership]") {
    Joined node;
    for (int i = 1; i <= 60; ++i) {
        node.run(at(i * 500ms));
        node.beat(at(i * 500ms));
    }
    const Actions silent = node.run(at(40s));
    CHECK(has(silent.events, "peer_suspected"));
    CHECK_FALSE(node.info().live);
    CHECK(node.membership.live_count() == 0);
    CHECK(silent.dials.size() >= 2);
    // Its direct channel alone does not make it live, but its sockets are renewed.
    node.membership.on_hello_reply(address_of(1), accepting(node.peer), at(40s));
    Actions actions = node.membership.take_actions();
    REQUIRE(actions.connects.size() == 1);
    CHECK(actions.connects[0].renew);
    CHECK_FALSE(node.info().live);
    (void)node.membership.take_view_changed();
    node.membership.on_heard(id_of(1), at(41s));
    CHECK(node.info().live);
    CHECK(node.membership.take_view_changed());
    actions = node.membership.take_actions();
    CHECK(has(actions.events, "peer_joined"));
    // Its other connections may still wait for the end of the outage.
    REQUIRE(actions.connects.size() == 1);
    CHECK(actions.connects[0].renew);
}

TEST_CASE("a suspected peer is dialed every two seconds for minutes, then rarely", "[membership]") {
    // Also if it is a seed, whose own dials become rare.
    const bool is_seed = GENERATE(false, true);
    CAPTURE(is_seed);
    Membership membership(is_seed ? options_of(0, {1}) : options_of(0), at(0s));
    membership.on_hello_reply(address_of(1), accepting(hello_of(options_of(1))), at(0s));
    std::vector<Instant> dials;
    Instant next = membership.take_actions().next_tick;
    while (next <= at(9min)) {
        membership.on_tick(next);
        const Actions actions = membership.take_actions();
        for (const Dial& dial : actions.dials) {
            CHECK(dial.address == address_of(1));
            if (membership.live_count() == 0) dials.push_back(next);
        }
        REQUIRE(actions.next_tick >= next);
        next = actions.next_tick;
    }
    REQUIRE(dials.size() > 150);
    CHECK(dials.size() < 400);
    std::size_t late = 0;
    for (std::size_t i = 1; i < dials.size(); ++i) {
        CAPTURE(i);
        const Duration gap = dials[i] - dials[i - 1];
        if (dials[i] < at(5min)) CHECK(gap <= 2s);
        CHECK(gap >= 375ms);
        if (dials[i] > at(7min)) ++late;
    }
    CHECK(late <= 10);
}

TEST_CASE("a suspected seed that says Hello is dialed at once", "[membership]") {
    Membership membership(options_of(0, {1}), at(0s));
    membership.on_hello_reply(address_of(1), accepting(hello_of(options_of(1))), at(0s));
    Instant next = membership.take_actions().next_tick;
    while (next <= at(9min)) {
        membership.on_tick(next);
        next = membership.take_actions().next_tick;
    }
    const Instant late = next - 1ms;
    REQUIRE(membership.live_count() == 0);
    membership.on_hello("c", hello_of(options_of(1)), late);
    membership.on_tick(late);
    membership.on_tick(late);  // What the first one asked of the seeds.
    CHECK(membership.take_actions().dials == std::vector<Dial>{{address_of(1), {}}});
}

TEST_CASE("the longest time between two heartbeats is known", "[membership]") {
    Joined node;
    CHECK(node.membership.longest_heartbeat_gap(id_of(2)) == Duration::zero());
    for (const auto time : {500ms, 1000ms, 1720ms, 2220ms}) {
        node.run(at(time));
        node.beat(at(time));
    }
    CHECK(node.membership.longest_heartbeat_gap(id_of(1)) == 720ms);
}

TEST_CASE("a node that stood still itself suspects no peer for it", "[membership]") {
    Joined node;
    for (int i = 1; i <= 60; ++i) {
        node.run(at(i * 500ms));
        node.beat(at(i * 500ms));
    }
    (void)node.membership.take_actions();
    node.membership.on_tick(at(60s));
    CHECK(node.info().live);
    CHECK_FALSE(has(node.membership.take_actions().events, "peer_suspected"));
    // Unless it stays silent.
    CHECK(has(node.run(at(90s)).events, "peer_suspected"));
}

TEST_CASE("a newer life replaces the older and never the reverse", "[membership]") {
    Joined node;
    Hello newer = node.peer;
    newer.member.incarnation = Incarnation(2);
    newer.endpoints = endpoints_of("elsewhere");
    node.membership.on_hello("c", newer, at(1s));
    Actions actions = node.membership.take_actions();
    CHECK(actions.disconnects == std::vector<PeerId>{id_of(1)});
    CHECK(node.membership.view().peers.empty());
    node.membership.on_tick(at(1s));
    CHECK(node.membership.take_actions().dials[0].address == "elsewhere:7400");
    node.membership.on_hello_reply("elsewhere:7400", accepting(newer), at(1s));
    CHECK(node.info().member.incarnation == Incarnation(2));
    (void)node.membership.take_actions();

    node.membership.on_hello_reply(address_of(1), accepting(node.peer), at(2s));
    CHECK(node.membership.take_actions().events.empty());
    node.beat(at(2s));
    CHECK(node.info().member.incarnation == Incarnation(2));
    CHECK(node.info().steps == 0);
    node.membership.on_hello("c", node.peer, at(2s));
    actions = node.membership.take_actions();
    REQUIRE(actions.replies.size() == 1);
    CHECK(actions.replies[0].message.differences.at(0).field == "node.name");
    CHECK(actions.replies[0].message.peers == std::vector<KnownPeer>{{id_of(1), "elsewhere:7400"}});
    CHECK(node.info().live);
}

// --- one identity in two places ------------------------------------------------------------------

TEST_CASE(
    "a peer that was heard elsewhere until now joins with a warning that names both addresses",
    "[membership]") {
    Joined node;
    Hello copy = node.peer;
    copy.member.incarnation = Incarnation(2);
    SECTION("from another address") {
        copy.endpoints = endpoints_of("elsewhere");
        node.membership.on_hello("c", copy, at(1s));
        node.membership.on_hello_reply("elsewhere:7400", accepting(copy), at(1s));
        const Actions actions = node.membership.take_actions();
        REQUIRE(has(actions.events, "peer_joined"));
        const Event& joined = actions.events.back();
        CHECK(joined.level == dynavg::protocol::Level::warning);
        CHECK(joined.message.find("elsewhere:7400") != std::string::npos);
        CHECK(joined.message.find(address_of(1)) != std::string::npos);
        CHECK(joined.message.find("one name") != std::string::npos);
        CHECK(std::get<std::string>(*joined.find("former_address")) == address_of(1));
    }
    SECTION("from another address, after a goodbye: it has moved") {
        copy.endpoints = endpoints_of("elsewhere");
        node.membership.on_goodbye(id_of(1), at(1s));
        node.membership.on_hello_reply("elsewhere:7400", accepting(copy), at(1s));
        CHECK(node.membership.take_actions().events.back().level == dynavg::protocol::Level::info);
    }
    SECTION("from its own address: it was started again") {
        node.membership.on_hello_reply(address_of(1), accepting(copy), at(1s));
        const Actions actions = node.membership.take_actions();
        CHECK(actions.events.back().level == dynavg::protocol::Level::info);
        // Late words of the life before need no answer.
        node.membership.on_former_life("old", id_of(1), at(2s));
        CHECK(node.membership.take_actions().replies.empty());
    }
}

TEST_CASE("a life that goes on beside a later one elsewhere is told where that one is",
          "[membership]") {
    Joined node;
    Hello copy = node.peer;
    copy.member.incarnation = Incarnation(2);
    copy.endpoints = endpoints_of("elsewhere");
    node.membership.on_hello_reply("elsewhere:7400", accepting(copy), at(1s));
    (void)node.membership.take_actions();

    node.membership.on_former_life("old", id_of(1), at(2s));
    // However often it speaks.
    for (int i = 0; i < 100; ++i) node.membership.on_former_life("old", id_of(1), at(2s));
    Actions actions = node.membership.take_actions();
    REQUIRE(actions.replies.size() == 1);
    CHECK(actions.replies[0].connection == "old");
    const HelloReply& reply = actions.replies[0].message;
    CHECK(reply.differences.at(0).field == "node.name");
    CHECK(reply.peers == std::vector<KnownPeer>{{id_of(1), "elsewhere:7400"}});
    node.membership.on_former_life("old", id_of(1), at(3s));
    CHECK(node.membership.take_actions().replies.size() == 1);
    CHECK(node.info().live);
}

namespace {

/// Node 0 is told by the peer that has joined that its own identity was started later, elsewhere.
HelloReply refusal_of_the_replaced(const Joined& node) {
    return {node.peer,
            {{"node.name", "node-0 at " + address_of(0), "node-0 at elsewhere:7400"}},
            {{id_of(0), "elsewhere:7400"}}};
}

Hello later_life(const Joined& node) {
    Hello later = node.membership.hello();
    later.member.incarnation = Incarnation(9);
    later.endpoints = endpoints_of("elsewhere");
    return later;
}

}  // namespace

TEST_CASE("the life that is replaced sees for itself and then ends", "[membership]") {
    Joined node;
    node.membership.on_hello_reply(address_of(1), refusal_of_the_replaced(node), at(1s));
    Actions actions = node.run(at(2s));
    CHECK_FALSE(actions.replaced);
    REQUIRE(has(actions.events, "peer_refused"));
    CHECK(actions.events[0].message.find("one name") != std::string::npos);
    const auto dialed =
        std::find_if(actions.dials.begin(), actions.dials.end(),
                     [](const Dial& dial) { return dial.address == "elsewhere:7400"; });
    REQUIRE(dialed != actions.dials.end());
    // With keys only that node's own key opens the connection.
    CHECK(dialed->peer == id_of(0));

    node.membership.on_hello_reply("elsewhere:7400", accepting(later_life(node)), at(2s));
    actions = node.membership.take_actions();
    CHECK(actions.replaced);
    REQUIRE(actions.events.size() == 1);
    CHECK(actions.events[0].name == "replaced");
    CHECK(actions.events[0].level == dynavg::protocol::Level::error);
    CHECK(actions.events[0].message.find("elsewhere:7400") != std::string::npos);
    CHECK(actions.events[0].message.find(address_of(0)) != std::string::npos);
}

TEST_CASE("nobody ends at another's word", "[membership]") {
    Joined node;
    node.membership.on_hello_reply(address_of(1), refusal_of_the_replaced(node), at(1s));
    (void)node.membership.take_actions();
    SECTION("where nobody answers") {
        CHECK_FALSE(node.run(at(1h)).replaced);
    }
    SECTION("where another node answers") {
        Hello stranger = hello_of(options_of(7));
        stranger.endpoints = endpoints_of("elsewhere");
        node.membership.on_hello_reply("elsewhere:7400", accepting(stranger), at(2s));
        CHECK_FALSE(node.run(at(1h)).replaced);
    }
    SECTION("where an earlier life answers: that one has to end") {
        Hello earlier = later_life(node);
        earlier.member.incarnation = Incarnation(0);
        node.membership.on_hello_reply("elsewhere:7400", accepting(earlier), at(2s));
        const Actions actions = node.membership.take_actions();
        CHECK_FALSE(actions.replaced);
        CHECK(has(actions.events, "peer_refused"));
    }
}

TEST_CASE("a peer that asks to be dialed back hears that its identity is in use elsewhere",
          "[membership]") {
    Joined node;
    Hello asker = node.peer;
    CHECK(node.membership.differences_of_probe(asker).empty());
    asker.endpoints = endpoints_of("copy");
    CHECK(node.membership.differences_of_probe(asker).at(0).field == "node.name");
}

TEST_CASE("an address that is a seed too is dialed once at a time", "[membership]") {
    Membership membership(options_of(0, {1}), at(0s));
    membership.on_hello("c", hello_of(options_of(1)), at(0s));
    membership.on_tick(at(0s));
    CHECK(membership.take_actions().dials.size() == 1);
}

TEST_CASE("long dead peers are dialed rarely, and eagerly by a node that is alone",
          "[membership]") {
    Joined node;
    node.membership.on_hello_reply(address_of(2), accepting(hello_of(options_of(2))), at(0s));
    Actions hour;
    for (int i = 1; i <= 7200; ++i) {
        const Actions some = node.run(at(i * 500ms));
        if (i > 3600) hour.dials.insert(hour.dials.end(), some.dials.begin(), some.dials.end());
        node.beat(at(i * 500ms));
    }
    REQUIRE(node.membership.view().peers.size() == 1);
    CHECK(hour.dials.size() >= 4);
    CHECK(hour.dials.size() <= 7);
    const Actions alone = node.run(at(1h + 10s));
    CHECK(node.membership.live_count() == 0);
    CHECK(std::count(alone.dials.begin(), alone.dials.end(), Dial{address_of(2), id_of(2)}) >= 2);
}

TEST_CASE("a heartbeat of a newer life makes its address dialed", "[membership]") {
    Joined node;
    Header header;
    Heartbeat heartbeat;
    heartbeat.incarnation = Incarnation(2);
    heartbeat.address = "elsewhere:7400";
    for (int i = 0; i < 100; ++i) {
        node.membership.on_heartbeat(id_of(1), header, heartbeat, at(1s + i * 1ms));
    }
    CHECK(node.membership.take_actions().dials == std::vector<Dial>{{"elsewhere:7400", id_of(1)}});
}

TEST_CASE("the address where a newer life is said to be is hung up, unless that life is there",
          "[membership]") {
    Joined node;
    Header header;
    Heartbeat heartbeat;
    heartbeat.incarnation = Incarnation(2);
    std::size_t dials = 0;
    std::vector<std::string> hangups;
    const auto serve = [&] {
        const Actions actions = node.membership.take_actions();
        dials += actions.dials.size();
        hangups.insert(hangups.end(), actions.hangups.begin(), actions.hangups.end());
    };
    for (int i = 0; i < 20; ++i) {
        heartbeat.address = "liar-" + std::to_string(i) + ":7400";
        node.membership.on_heartbeat(id_of(1), header, heartbeat, at(1h * (i + 1)));
        serve();
    }
    CHECK(dials >= 20);
    CHECK(hangups.size() == 19);
    Hello restarted = node.peer;
    restarted.member.incarnation = Incarnation(2);
    node.membership.on_hello_reply(address_of(1), accepting(restarted), at(30h));
    serve();
    CHECK(std::count(hangups.begin(), hangups.end(), "liar-19:7400") == 1);
}

TEST_CASE("a seed that the configuration no longer names is hung up", "[membership]") {
    MembershipOptions options = options_of(0);
    options.seeds = {{"one:7400", {}}, {"two:7400", {}}};
    Membership membership(options, at(0s));
    membership.on_tick(at(0s));
    CHECK(membership.take_actions().dials.size() == 2);
    membership.set_seeds({{"two:7400", {}}});
    CHECK(membership.take_actions().hangups == std::vector<std::string>{"one:7400"});
}

TEST_CASE("names must be unique", "[membership]") {
    Joined node;
    Hello twin = node.membership.hello();
    twin.endpoints = endpoints_of("twin");
    node.membership.on_hello("c", twin, at(1s));
    Actions actions = node.membership.take_actions();
    REQUIRE(actions.replies.size() == 1);
    REQUIRE(actions.replies[0].message.differences.size() == 1);
    CHECK(actions.replies[0].message.differences[0].field == "node.name");
    CHECK(has(actions.events, "peer_refused"));
    CHECK(actions.events[0].message.find("give one of them another [node] name") !=
          std::string::npos);
    CHECK(actions.events[0].message.find("same settings") == std::string::npos);

    // A second one with the name of a live peer is refused, and the first stays.
    Hello second = node.peer;
    second.endpoints = endpoints_of("second");
    node.membership.on_hello("c", second, at(1s));
    CHECK(node.membership.take_actions().replies[0].message.differences.at(0).field == "node.name");
    node.membership.on_hello_reply("second:7400", accepting(second), at(1s));
    CHECK(node.info().live);
    CHECK(node.info().address == address_of(1));
}

TEST_CASE("a seed that is oneself is dropped in silence", "[membership]") {
    MembershipOptions options = options_of(0);
    options.seeds = {{"alias-of-self:7400", {}}};
    Membership membership(options, at(0s));
    membership.on_tick(at(0s));
    Actions actions = membership.take_actions();
    REQUIRE(actions.dials.size() == 1);
    membership.on_hello("c", membership.hello(), at(0s));
    actions = membership.take_actions();
    REQUIRE(actions.replies.size() == 1);
    membership.on_hello_reply("alias-of-self:7400", actions.replies[0].message, at(0s));
    actions = membership.take_actions();
    CHECK(actions.hangups == std::vector<std::string>{"alias-of-self:7400"});
    CHECK(actions.events.empty());
    membership.on_tick(at(1min));
    actions = membership.take_actions();
    CHECK(actions.dials.empty());
    CHECK(actions.events.empty());
}

TEST_CASE("a hang-up is not undone by a dial of the same batch", "[membership]") {
    MembershipOptions options = options_of(0);
    options.seeds = {{"alias:7400", {}}};
    Membership membership(options, at(0s));
    membership.on_tick(at(0s));
    membership.on_hello_reply("alias:7400", accepting(hello_of(options_of(1))), at(0s));
    const Actions actions = membership.take_actions();
    CHECK(actions.dials.empty());
    CHECK(actions.hangups == std::vector<std::string>{"alias:7400"});
}

TEST_CASE("a peer known by an alias is connected at its own address", "[membership]") {
    MembershipOptions options = options_of(0);
    options.seeds = {{"alias:7400", {}}};
    Membership membership(options, at(0s));
    membership.on_hello_reply("alias:7400", accepting(hello_of(options_of(1))), at(0s));
    const Actions actions = membership.take_actions();
    CHECK(actions.hangups == std::vector<std::string>{"alias:7400"});
    REQUIRE(actions.connects.size() == 1);
    CHECK(actions.connects[0].endpoints.direct == address_of(1));
}

TEST_CASE("a node remembers the peers that it has met, and those of an earlier life",
          "[membership]") {
    MembershipOptions options = options_of(0);
    const KnownPeer missed{id_of(2), address_of(2)};
    options.seeds = {{address_of(1), {}, KnownPeer{id_of(1), address_of(1)}},
                     {missed.address, {}, missed}};
    Membership membership{options, at(0s)};
    CHECK_FALSE(membership.take_actions().known_peers.has_value());
    const Hello peer = hello_of(options_of(1));
    membership.on_hello_reply(address_of(1), accepting(peer), at(0s));
    const auto known = membership.take_actions().known_peers;
    REQUIRE(known.has_value());
    std::vector<KnownPeer> both = {{id_of(1), peer.endpoints.direct}, missed};
    std::sort(both.begin(), both.end(), [](const auto& a, const auto& b) { return a.id < b.id; });
    CHECK(known->peers == both);
    // Told once.
    membership.on_tick(at(1s));
    CHECK_FALSE(membership.take_actions().known_peers.has_value());
    // A leaver is not waited for; the last address that is known is not forgotten.
    membership.on_goodbye(id_of(1), at(1s));
    CHECK(membership.take_actions().known_peers->peers == std::vector{missed});
    Joined alone;
    alone.membership.on_goodbye(id_of(1), at(1s));
    CHECK_FALSE(alone.membership.take_actions().known_peers.has_value());
}
