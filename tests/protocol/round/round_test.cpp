#include "protocol/round/round.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"
#include "protocol/base/random.hpp"
#include "protocol/round/roster.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

constexpr Digest kValue{1, 2};
constexpr Digest kOtherValue{3, 4};

Round round_of(int self, const Roster& candidates, Attempt attempt = Attempt(0)) {
    Round round(Epoch(5), attempt, peer(self), Evidence{}, {});
    round.merge({candidates, {}, {}});
    return round;
}

/// The round state of a peer that holds the same sets as `round`.
RoundState same_as(const Round& round, std::optional<Prepared> prepared = {}) {
    RoundState state;
    state.target = round.target();
    state.attempt = round.attempt();
    state.sets = round.sets();
    state.prepared = std::move(prepared);
    return state;
}

Prepared prepared_in(Ballot ballot, Digest digest = kValue, Roster roster = peers({0, 1, 2})) {
    return {ballot, digest, std::move(roster)};
}

}  // namespace

TEST_CASE("sets grow by what is merged, sorted and without repetition", "[round]") {
    Round round = round_of(0, {});
    CHECK(round.merge({peers({2, 4}), {{peer(4), peer(2)}}, {}}));
    CHECK(round.merge({peers({0, 2, 3}), {{peer(0), peer(4)}, {peer(4), peer(2)}}, peers({3})}));
    CHECK(round.sets().candidates == peers({0, 2, 3, 4}));
    CHECK(round.sets().accusations ==
          std::vector<Accusation>{{peer(0), peer(4)}, {peer(4), peer(2)}});
    CHECK(round.sets().excluded == peers({3}));
    CHECK(round.members() == roster_of(round.sets(), round.target(), {}));
    CHECK(round.members() == peers({0, 2}));
}

TEST_CASE("an epoch that is known already is nothing new", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}));
    CHECK_FALSE(round.merge({peers({1, 2}), {}, {}}));
    CHECK_FALSE(round.merge({peers({2}), {}, {}, {}}));
    CHECK(round.merge({peers({3}), {}, {}, {}}));
    CHECK(round.accuse(peer(2)));
    CHECK_FALSE(round.accuse(peer(2)));
    CHECK(round.exclude(peer(3)));
    CHECK_FALSE(round.exclude(peer(3)));
    CHECK(round.sets().accusations == std::vector<Accusation>{{peer(0), peer(2)}});
    CHECK(round.members() == peers({0, 1}));
}

TEST_CASE("no set grows beyond its limit", "[round]") {
    Round round = round_of(0, peers({0}));
    RoundSets flood;
    for (int number = 1; number < 2000; ++number) {
        flood.candidates.push_back(peer(number));
        flood.accusations.push_back({peer(number), peer(number + 1)});
        flood.excluded.push_back(peer(number));
    }
    CHECK(round.merge(flood));
    CHECK(round.sets().candidates.size() == limits::kRosterMembersMax);
    CHECK(round.sets().accusations.size() == limits::kAccusationsMax);
    CHECK(round.sets().excluded.size() == limits::kRosterMembersMax);
    CHECK_FALSE(round.merge(flood));
    for (int number = 0; number < 1000; ++number) {
        round.hear(peer(number), same_as(round));
    }
    CHECK(round.has_heard(peer(limits::kPeersMax - 1)));
    CHECK_FALSE(round.has_heard(peer(limits::kPeersMax)));
    // A peer that it has heard counts as heard from then on.
    round.hear(peer(3), same_as(round, prepared_in({Attempt(0), 1})));
    CHECK(round.heard(peer(3))->prepared.has_value());
}

TEST_CASE("sets, members, ballot and key do not depend on the order of merging", "[round]") {
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        CAPTURE(seed);
        RandomStream random(seed, RandomPurpose::test);
        std::vector<RoundSets> told;
        for (int i = 0; i < 12; ++i) {
            const auto any = [&random] { return peer(static_cast<int>(random.below(8))); };
            told.push_back({{any()}, {{any(), any()}}, {}});
        }
        Round forward = round_of(0, peers({0}));
        Round backward = round_of(0, peers({0}));
        for (const RoundSets& sets : told) forward.merge(sets);
        std::reverse(told.begin(), told.end());
        for (const RoundSets& sets : told) backward.merge(sets);
        REQUIRE(forward.sets() == backward.sets());
        REQUIRE(forward.members() == backward.members());
        REQUIRE(forward.ballot() == backward.ballot());
        REQUIRE(forward.key() == backward.key());
    }
}

TEST_CASE("all that is added makes the ballot larger and the key another", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}));
    CHECK(round.ballot() == Ballot{Attempt(0), 3});
    const auto grows = [&round](auto add) {
        const Ballot ballot = round.ballot();
        const ExchangeKey key = round.key();
        add();
        return round.ballot() > ballot && round.key() != key;
    };
    CHECK(grows([&] { round.merge({peers({3}), {}, {}, {}}); }));
    CHECK(grows([&] { round.accuse(peer(3)); }));
    CHECK(grows([&] { round.exclude(peer(3)); }));
    // The same members by other sets: chunks of the two must not mix.
    CHECK(round.members() == round_of(0, peers({0, 1, 2})).members());
    CHECK(round.key() != round_of(0, peers({0, 1, 2})).key());
    CHECK(round.key().round == round_of(0, peers({0, 1, 2})).key().round);
    // A later attempt is above, however small its sets.
    CHECK(round_of(0, peers({0}), Attempt(1)).ballot() > round.ballot());
}

TEST_CASE("a roster is agreed once all other members hold the same sets", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}));
    CHECK_FALSE(round.agreed());
    round.hear(peer(1), same_as(round));
    CHECK_FALSE(round.agreed());
    RoundState fewer = same_as(round);
    fewer.sets.candidates.pop_back();
    round.hear(peer(2), fewer);
    CHECK_FALSE(round.agreed());
    round.hear(peer(2), same_as(round));
    CHECK(round.agreed());
    // Grown sets need everybody's word again.
    round.accuse(peer(2));
    CHECK_FALSE(round.agreed());
    round.hear(peer(1), same_as(round));
    CHECK(round.agreed());
}

TEST_CASE("a peer that is no member agrees to nothing", "[round]") {
    Round round = round_of(3, peers({0, 1, 3}));
    round.merge({{}, {{peer(0), peer(3)}}, {}});
    CHECK_FALSE(round.is_member());
    for (const int other : {0, 1}) round.hear(peer(other), same_as(round));
    CHECK_FALSE(round.agreed());
}

TEST_CASE("a peer prepares once per ballot", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}));
    CHECK_FALSE(round.prepared());
    CHECK_FALSE(round.prepared_in_this_ballot());
    round.prepare({round.ballot(), kValue, peers({0, 1, 2})});
    CHECK(round.prepared_in_this_ballot());
    CHECK(round.prepared() == prepared_in({Attempt(0), 3}));
    // The sets grow: the value stays, the ballot is another one.
    round.accuse(peer(2));
    CHECK(round.prepared());
    CHECK_FALSE(round.prepared_in_this_ballot());
    round.prepare({round.ballot(), kOtherValue, peers({0, 1})});
    CHECK(round.prepared()->digest == kOtherValue);
}

TEST_CASE("a prepared value is kept for the next attempt, of another ballot", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}), Attempt(1));
    round.keep_prepared(prepared_in({Attempt(0), 3}));
    CHECK_FALSE(round.prepared_in_this_ballot());
    CHECK(round.acknowledged().empty());
    CHECK(round.best_prepared()->digest == kValue);
}

TEST_CASE("the best prepared value is the members' one of the highest ballot", "[round]") {
    Round round = round_of(0, peers({0, 1, 2, 3}), Attempt(2));
    CHECK_FALSE(round.best_prepared());
    round.keep_prepared(prepared_in({Attempt(0), 9}));
    CHECK(round.best_prepared()->digest == kValue);
    round.hear(peer(1), same_as(round, prepared_in({Attempt(1), 2}, kOtherValue)));
    CHECK(round.best_prepared()->digest == kOtherValue);
    round.hear(peer(2), same_as(round, prepared_in({Attempt(1), 1})));
    CHECK(round.best_prepared()->digest == kOtherValue);
    // A peer outside the roster has no say in it.
    round.hear(peer(3), same_as(round, prepared_in({Attempt(1), 7})));
    CHECK(round.best_prepared()->digest == kValue);
    round.accuse(peer(3));
    CHECK(round.best_prepared()->digest == kOtherValue);
}

TEST_CASE("a holder of a value is found", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}));
    CHECK_FALSE(round.holder_of(kValue));
    round.prepare({round.ballot(), kValue, peers({0, 1, 2})});
    CHECK_FALSE(round.holder_of(kValue));
    round.hear(peer(1), same_as(round, prepared_in({Attempt(0), 3}, kOtherValue)));
    round.hear(peer(2), same_as(round, prepared_in({Attempt(0), 3})));
    CHECK(round.holder_of(kValue) == peer(2));
    CHECK(round.holder_of(kOtherValue) == peer(1));
}

TEST_CASE("an older word that comes late does not replace a newer one", "[round]") {
    Round round = round_of(0, peers({0, 1, 2}));
    const RoundState newest = same_as(round, prepared_in(round.ballot()));
    round.hear(peer(1), newest);
    RoundState smaller = newest;
    smaller.sets.candidates.pop_back();
    round.hear(peer(1), smaller);
    CHECK(*round.heard(peer(1)) == newest);
    RoundState unprepared = newest;
    unprepared.prepared.reset();
    round.hear(peer(1), unprepared);
    CHECK(*round.heard(peer(1)) == newest);
}

TEST_CASE("only the same value in the same ballot by the same sets acknowledges", "[round]") {
    Round round = round_of(1, peers({0, 1, 2, 3, 4, 5}));
    const Ballot ballot = round.ballot();
    for (const int other : {0, 2, 3, 4}) {
        round.hear(peer(other), same_as(round, prepared_in(ballot)));
    }
    CHECK(round.acknowledged().empty());
    round.prepare({round.ballot(), kValue, peers({0, 1, 2})});
    CHECK(round.acknowledged() == peers({0, 1, 2, 3, 4}));

    round.hear(peer(2), same_as(round, prepared_in({Attempt(0), 7})));
    round.hear(peer(3), same_as(round, prepared_in(ballot, kOtherValue)));
    RoundState other_sets = same_as(round, prepared_in(ballot));
    other_sets.sets.excluded = {other_sets.sets.candidates.back()};
    other_sets.sets.candidates.pop_back();
    round.hear(peer(4), other_sets);
    round.hear(peer(5), same_as(round));
    CHECK(round.acknowledged() == peers({0, 1}));

    round.merge({peers({6}), {}, {}, {}});
    CHECK(round.acknowledged().empty());
}

}  // namespace dynavg::protocol
