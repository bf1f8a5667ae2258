#include "peer/trust_desk.hpp"

#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
using namespace dynavg::peer;
namespace protocol = dynavg::protocol;
using dynavg::identity::TrustList;

namespace {

const PeerId kSelf = id_of(0);
const PeerId kAnna = id_of(1);
const PeerId kBert = id_of(2);
const PeerId kCarl = id_of(3);
const PeerId kToken = id_of(90);
const PeerId kNewToken = id_of(91);
const Instant kStart = at(1h);

TrustDesk desk_of(TrustList list = {}, std::optional<PeerId> token = kToken) {
    return TrustDesk({kSelf, std::move(list), token});
}

TrustDesk desk_that_trusts(const std::set<PeerId>& keys, std::optional<PeerId> token = kToken) {
    TrustList list;
    list.set_configured(keys);
    return desk_of(std::move(list), token);
}

Knock knock(const PeerId& key, Door door) {
    return {key, door, "10.0.0.9"};
}

protocol::Hello hello(std::size_t node) {
    return hello_of(options_of(node));
}

Told told(const PeerId& teller, const PeerId& key) {
    return {teller, {{key, "peer:9"}}};
}

bool is_in(TrustDesk& desk, const PeerId& key) {
    bool somewhere = false;
    for (const Door door : {Door::direct, Door::gossip, Door::bulk}) {
        somewhere |= desk.on_knock(knock(key, door), kStart) != LetIn::nobody;
    }
    return somewhere;
}

}  // namespace

TEST_CASE("A trusted key is let in at every door, a stranger at none", "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna});
    for (const Door door : {Door::direct, Door::gossip, Door::bulk}) {
        CHECK(desk.on_knock(knock(kAnna, door), kStart) == LetIn::peer);
        CHECK(desk.on_knock(knock(kSelf, door), kStart) == LetIn::peer);
        CHECK(desk.on_knock(knock(kBert, door), kStart) == LetIn::nobody);
    }
}

TEST_CASE("The token opens the direct door for an introduction, and no other", "[trust_desk]") {
    TrustDesk desk = desk_of();
    CHECK(desk.on_knock(knock(kToken, Door::direct), kStart) == LetIn::token_holder);
    CHECK(desk.on_knock(knock(kToken, Door::gossip), kStart) == LetIn::nobody);
    CHECK(desk.on_knock(knock(kToken, Door::bulk), kStart) == LetIn::nobody);
}

TEST_CASE("The peer that an introduction names is trusted, kept, told and answered",
          "[trust_desk]") {
    TrustDesk desk = desk_of();
    const auto actions = desk.on_introduction(kToken, hello(1), kStart);
    REQUIRE(actions);
    CHECK(actions->keep);
    CHECK(actions->answer);
    CHECK(actions->trusted == std::set<PeerId>{kAnna});
    CHECK_FALSE(actions->drop_subscribers);
    REQUIRE(actions->events.size() == 1);
    CHECK(actions->events[0].name == "peer_trusted");
    CHECK(desk.on_knock(knock(kAnna, Door::bulk), kStart) == LetIn::peer);
    // Again it is answered, and nothing is new.
    const auto again = desk.on_introduction(kToken, hello(1), kStart);
    REQUIRE(again);
    CHECK(again->answer);
    CHECK_FALSE(again->keep);
    CHECK(again->events.empty());
}

TEST_CASE("A token that became void opens nothing, nor does a connection that it had opened",
          "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kBert});
    REQUIRE(desk.on_knock(knock(kToken, Door::direct), kStart) == LetIn::token_holder);
    std::optional<PeerId> good;
    SECTION("closed") {
        REQUIRE(desk.set_token({}));
    }
    SECTION("replaced") {
        good = kNewToken;
        REQUIRE(desk.set_token(kNewToken));
        CHECK(desk.on_knock(knock(kNewToken, Door::direct), kStart) == LetIn::token_holder);
    }
    SECTION("lost to a revocation") {
        REQUIRE(desk.revoke(kBert));
    }
    CHECK(desk.token() == good);
    CHECK_FALSE(desk.on_introduction(kToken, hello(1), kStart));
    CHECK_FALSE(desk.list().is_trusted(kAnna));
    CHECK_FALSE(is_in(desk, kToken));
    CHECK(desk.list().is_revoked(kToken));
}

TEST_CASE("A revocation is kept, ends the subscriptions and voids the token", "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna, kBert});
    const auto actions = desk.revoke(kAnna);
    REQUIRE(actions);
    CHECK(actions->keep);
    CHECK(actions->remove_token);
    CHECK(actions->drop_subscribers);
    CHECK(actions->trusted == std::set<PeerId>{kBert});
    REQUIRE(actions->events.size() == 1);
    CHECK(actions->events[0].name == "peer_revoked");
    CHECK_FALSE(is_in(desk, kAnna));
    CHECK(is_in(desk, kBert));
    // Once more: it may not have been kept. There is nothing to tell.
    const auto again = desk.revoke(kAnna);
    REQUIRE(again);
    CHECK(again->keep);
    CHECK(again->events.empty());
    CHECK_FALSE(again->drop_subscribers);
}

TEST_CASE("Only a person's word lets a revoked key in again", "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna, kBert});
    REQUIRE(desk.revoke(kAnna));
    REQUIRE(desk.set_token(kNewToken));
    CHECK_FALSE(desk.on_told(told(kBert, kAnna)).keep);
    const auto introduced = desk.on_introduction(kNewToken, hello(1), kStart);
    REQUIRE(introduced);
    CHECK_FALSE(introduced->answer);
    REQUIRE(introduced->events.size() == 1);
    CHECK(introduced->events[0].name == "peer_refused");
    (void)desk.set_configured({kAnna, kBert});
    CHECK_FALSE(is_in(desk, kAnna));
    const auto trusted = desk.trust(kAnna);
    REQUIRE(trusted);
    CHECK(trusted->keep);
    CHECK(trusted->trusted == std::set<PeerId>{kAnna, kBert});
    CHECK(is_in(desk, kAnna));
}

TEST_CASE(
    "A node with a token trusts the peers that a peer tells of; a node without one takes no word",
    "[trust_desk]") {
    TrustDesk holder = desk_that_trusts({kBert});
    const TrustActions taken = holder.on_told(told(kBert, kCarl));
    CHECK(taken.keep);
    CHECK(taken.trusted == std::set<PeerId>{kBert, kCarl});
    REQUIRE(taken.told);
    CHECK(taken.told->teller == kBert);
    REQUIRE(taken.events.size() == 1);
    CHECK(is_in(holder, kCarl));

    TrustDesk other = desk_that_trusts({kBert}, {});
    const TrustActions ignored = other.on_told(told(kBert, kCarl));
    CHECK_FALSE(ignored.keep);
    CHECK_FALSE(ignored.told);
    CHECK_FALSE(is_in(other, kCarl));
}

TEST_CASE("The answer to an introduction tells of others, and ends what waits", "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna});
    const Membership alone(options_of(0), kStart);
    const Dial dial{address_of(1), kAnna};
    CHECK(desk.should_introduce(dial, alone));
    CHECK_FALSE(desk.should_introduce({address_of(1), {}}, alone));
    // Another life of this node, that a peer has told of.
    CHECK_FALSE(desk.should_introduce({address_of(9), kSelf}, alone));
    protocol::HelloReply reply;
    reply.hello = hello(1);
    reply.peers = {{kCarl, address_of(3)}};
    const TrustActions actions = desk.on_introduction_reply(kAnna, reply, alone);
    CHECK(actions.hang_up);
    CHECK(actions.trusted == std::set<PeerId>{kAnna, kCarl});
    CHECK_FALSE(desk.should_introduce(dial, alone));
    CHECK_FALSE(desk_that_trusts({kAnna}, {}).should_introduce(dial, alone));
}

TEST_CASE("A key that goes with the configuration takes the subscribers with it", "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna, kBert});
    CHECK_FALSE(desk.set_configured({kAnna, kBert, kCarl}).drop_subscribers);
    const TrustActions actions = desk.set_configured({kAnna});
    CHECK(actions.drop_subscribers);
    CHECK_FALSE(actions.keep);
    CHECK_FALSE(is_in(desk, kBert));
}

TEST_CASE("The token's key is nobody's own, so a person cannot trust it", "[trust_desk]") {
    TrustDesk desk = desk_of();
    const auto outcome = desk.trust(kToken);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error() == TrustDesk::Refused::is_token);
}

TEST_CASE("A full list refuses a person's word and changes nothing", "[trust_desk]") {
    TrustList list;
    for (std::size_t number = 0; number < TrustList::kKeysMax; ++number) {
        REQUIRE(list.trust(id_of(1000 + number), "") == TrustList::Said::done);
    }
    TrustDesk desk = desk_of(std::move(list));
    const auto trusted = desk.trust(kAnna);
    const auto revoked = desk.revoke(kAnna);
    REQUIRE_FALSE(trusted);
    REQUIRE_FALSE(revoked);
    CHECK(trusted.error() == TrustDesk::Refused::list_full);
    CHECK(revoked.error() == TrustDesk::Refused::list_full);
    CHECK(desk.token() == kToken);
}

TEST_CASE("Knocks are told together, once, and not of those who are trusted by then",
          "[trust_desk]") {
    TrustDesk desk = desk_of();
    CHECK(desk.next_tick() == protocol::kNever);
    (void)desk.on_knock(knock(kAnna, Door::direct), kStart);
    (void)desk.on_knock(knock(kAnna, Door::gossip), kStart + 1s);
    (void)desk.on_knock(knock(kBert, Door::direct), kStart + 1s);
    REQUIRE(desk.on_introduction(kToken, hello(2), kStart + 2s));
    const Instant due = desk.next_tick();
    CHECK(due == kStart + 3s);
    CHECK(desk.on_tick(due - 1ms).events.empty());
    const TrustActions actions = desk.on_tick(due);
    REQUIRE(actions.events.size() == 1);
    CHECK(actions.events[0].name == "peer_refused");
    CHECK(desk.next_tick() == protocol::kNever);
    (void)desk.on_knock(knock(kAnna, Door::direct), kStart + 9s);
    CHECK(desk.on_tick(desk.next_tick()).events.empty());
}

TEST_CASE("A token that was given up stays void in a later life, and cannot be put back",
          "[trust_desk]") {
    TrustDesk before = desk_of();
    REQUIRE(before.set_token({}));
    // Its file was not removed.
    TrustDesk desk = desk_of(before.list(), kToken);
    CHECK_FALSE(desk.token());
    CHECK_FALSE(is_in(desk, kToken));
    CHECK_FALSE(desk.on_introduction(kToken, hello(1), kStart));
    const auto outcome = desk.set_token(kToken);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error() == TrustDesk::Refused::is_void);
    CHECK(desk.set_token(kNewToken));
    CHECK(desk.token() == kNewToken);
}

TEST_CASE("A list that the disk refuses is written again until the disk has it", "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna});
    REQUIRE(desk.revoke(kAnna).value().keep);
    desk.on_kept(Kept::no, kStart);
    CHECK_FALSE(desk.is_kept());
    CHECK_FALSE(is_in(desk, kAnna));
    CHECK_FALSE(desk.on_tick(kStart + 999ms).keep);
    CHECK(desk.next_tick() == kStart + 1s);
    CHECK(desk.on_tick(kStart + 1s).keep);
    desk.on_kept(Kept::yes, kStart + 1s);
    CHECK(desk.is_kept());
    CHECK_FALSE(desk.on_tick(kStart + 9s).keep);
}

TEST_CASE("A peer that misuses gossip hears nothing for a while, and is a peer elsewhere",
          "[trust_desk]") {
    TrustDesk desk = desk_that_trusts({kAnna});
    CHECK(desk.on_odd_subscription(kAnna, kStart).events.size() == 1);
    CHECK(desk.on_odd_subscription(kAnna, kStart).events.empty());
    CHECK(desk.on_knock(knock(kAnna, Door::gossip), kStart + 9min) == LetIn::nobody);
    CHECK(desk.on_knock(knock(kAnna, Door::direct), kStart + 9min) == LetIn::peer);
    CHECK(desk.on_knock(knock(kAnna, Door::gossip), kStart + 10min) == LetIn::peer);
}

TEST_CASE("Those that an earlier life met are dialed if they are still trusted", "[trust_desk]") {
    const std::vector<protocol::KnownPeer> met{{kAnna, address_of(1)}, {kBert, address_of(2)}};
    const TrustDesk desk = desk_that_trusts({kBert});
    const auto seeds = seeds_of(met, &desk);
    REQUIRE(seeds.size() == 1);
    CHECK(seeds[0].peer == kBert);
    CHECK(seeds[0].met == met[1]);
    // In a network without keys all are, and nobody's key is asked for.
    const auto all = seeds_of(met, nullptr);
    REQUIRE(all.size() == 2);
    CHECK_FALSE(all[0].peer);
}
