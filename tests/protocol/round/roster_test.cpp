#include "protocol/round/roster.hpp"

#include <algorithm>
#include <map>

#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

RoundSets sets_of(Roster candidates, std::vector<std::pair<int, int>> accusations,
                  Roster excluded = {}) {
    RoundSets sets;
    sets.candidates = std::move(candidates);
    for (const auto& [accuser, accused] : accusations) {
        sets.accusations.push_back({peer(accuser), peer(accused)});
    }
    std::sort(sets.accusations.begin(), sets.accusations.end());
    sets.excluded = std::move(excluded);
    return sets;
}

Roster roster_at(std::uint32_t target, const RoundSets& sets, const Roster& body = {}) {
    return roster_of(sets, Epoch(target), body);
}

/// The rule once more, as docs/protocol.md tells it, over small numbers; without a body.
std::vector<int> expected_roster(std::vector<int> left, std::vector<std::pair<int, int>> pairs,
                                 std::uint32_t target) {
    for (auto& [a, b] : pairs) {
        if (a > b) std::swap(a, b);
    }
    std::sort(pairs.begin(), pairs.end());
    pairs.erase(std::unique(pairs.begin(), pairs.end()), pairs.end());
    const auto is_left = [&left](int number) {
        return std::find(left.begin(), left.end(), number) != left.end();
    };
    while (true) {
        std::vector<int> worst;
        int most = 1;
        for (const int number : left) {
            int count = 0;
            for (const auto& [a, b] : pairs) {
                const bool inside = a != b && is_left(a) && is_left(b);
                count += inside && (a == number || b == number) ? 1 : 0;
            }
            if (count > most) worst.clear();
            if (count >= most) worst.push_back(number);
            most = std::max(most, count);
        }
        if (worst.empty()) return left;
        left.erase(std::find(left.begin(), left.end(), worst[target % worst.size()]));
    }
}

template <class T>
void shuffle(std::vector<T>& values, RandomStream& random) {
    for (std::size_t i = values.size(); i > 1; --i)
        std::swap(values[i - 1], values[random.below(i)]);
}

}  // namespace

TEST_CASE("without accusations the roster is all candidates that are not excluded", "[roster]") {
    CHECK(roster_at(0, {}).empty());
    CHECK(roster_at(0, sets_of(peers({0, 1, 2}), {})) == peers({0, 1, 2}));
    CHECK(roster_at(0, sets_of(peers({0, 1, 2}), {}, peers({1}))) == peers({0, 2}));
    CHECK(roster_at(0, sets_of(peers({0, 1, 2}), {}, peers({1, 5}))) == peers({0, 2}));
}

TEST_CASE("the member in most accusations is dropped first", "[roster]") {
    CHECK(roster_at(0, sets_of(peers({0, 1, 2, 3}), {{0, 1}, {0, 2}, {0, 3}})) == peers({1, 2, 3}));
    CHECK(roster_at(0, sets_of(peers({0, 1, 2, 3}), {{1, 0}, {2, 0}, {3, 0}})) == peers({1, 2, 3}));
    // 1 is in three of them; the rest of 0's does not matter then.
    CHECK(roster_at(0, sets_of(peers({0, 1, 2, 3}), {{0, 1}, {1, 2}, {3, 1}})) == peers({0, 2, 3}));
}

TEST_CASE("of those in equally many accusations another one is dropped from epoch to epoch",
          "[roster]") {
    const RoundSets one_link = sets_of(peers({0, 1, 2, 3}), {{1, 3}});
    CHECK(roster_at(4, one_link) == peers({0, 2, 3}));
    CHECK(roster_at(5, one_link) == peers({0, 1, 2}));
    CHECK(roster_at(6, one_link) == peers({0, 2, 3}));
    std::map<int, int> times_in;
    const RoundSets two_links = sets_of(peers({0, 1, 2, 3}), {{0, 1}, {2, 3}});
    for (std::uint32_t target = 0; target < 4; ++target) {
        for (int number = 0; number < 4; ++number) {
            times_in[number] += contains(roster_at(target, two_links), peer(number)) ? 1 : 0;
        }
    }
    CHECK(times_in == std::map<int, int>{{0, 2}, {1, 2}, {2, 2}, {3, 2}});
}

TEST_CASE("a peer whose turn it is to be left out stays in if the quorum would be lost without it",
          "[roster]") {
    const RoundSets sets = sets_of(peers({0, 1, 2}), {{0, 1}});
    CHECK(roster_at(4, sets) == peers({1, 2}));
    CHECK(roster_at(4, sets, peers({0, 1, 2})) == peers({1, 2}));
    CHECK(roster_at(4, sets, peers({0, 2})) == peers({0, 2}));
    CHECK(roster_at(5, sets, peers({0, 2})) == peers({0, 2}));
    // With or without it there is none: then its turn is as good as any.
    CHECK(roster_at(4, sets, peers({5, 6, 7})) == peers({1, 2}));
}

TEST_CASE("two that accuse each other count once", "[roster]") {
    // Counted twice, 3 would be in as many as 0 and go in its place.
    const RoundSets sets =
        sets_of(peers({0, 1, 2, 3, 4}), {{3, 4}, {4, 3}, {0, 3}, {0, 1}, {0, 2}});
    CHECK(roster_at(1, sets) == peers({1, 2, 3}));
}

TEST_CASE("accusations of oneself, of strangers and of the excluded drop nobody", "[roster]") {
    CHECK(roster_at(0, sets_of(peers({0, 1}), {{0, 0}, {1, 1}})) == peers({0, 1}));
    CHECK(roster_at(0, sets_of(peers({0, 1}), {{0, 7}, {8, 1}, {7, 8}})) == peers({0, 1}));
    CHECK(roster_at(0, sets_of(peers({0, 1, 2}), {{0, 2}, {1, 2}}, peers({2}))) == peers({0, 1}));
}

TEST_CASE("another life of a peer is another member", "[roster]") {
    RoundSets sets = sets_of(peers({0, 1}), {});
    sets.accusations.push_back({peer(0), peer(1, 2)});
    CHECK(roster_at(0, sets) == peers({0, 1}));
    sets.excluded = {peer(1, 2)};
    CHECK(roster_at(0, sets) == peers({0, 1}));
}

TEST_CASE("the roster is the rule's, whatever the order and direction of what was told",
          "[roster]") {
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        CAPTURE(seed);
        RandomStream random(seed, RandomPurpose::test);
        const int count = 2 + static_cast<int>(random.below(8));
        std::vector<int> candidates;
        Roster members;
        for (int number = 0; number < count; ++number) {
            candidates.push_back(number);
            members.push_back(peer(number));
        }
        std::vector<std::pair<int, int>> pairs;
        const auto below = [&random, count] {
            return static_cast<int>(random.below(static_cast<std::uint64_t>(count) + 1));
        };
        for (std::uint64_t i = random.below(13); i > 0; --i) pairs.emplace_back(below(), below());
        Roster expected;
        const auto target = static_cast<std::uint32_t>(random.below(100));
        for (const int number : expected_roster(candidates, pairs, target))
            expected.push_back(peer(number));
        REQUIRE(roster_at(target, sets_of(members, pairs)) == expected);
        for (auto& [accuser, accused] : pairs) {
            if (random.below(2) == 0) std::swap(accuser, accused);
        }
        RoundSets told = sets_of(members, pairs);
        shuffle(told.accusations, random);
        REQUIRE(roster_at(target, told) == expected);
    }
}

TEST_CASE("of a peer that has restarted only the latest life is in", "[roster]") {
    const Member before = peer(1, 2);
    const Member now = peer(1, 5);
    CHECK(roster_at(0, {{peer(0), before, now}, {}, {}}) == Roster{peer(0), now});
    CHECK(roster_at(0, {{peer(0), before}, {}, {}}) == Roster{peer(0), before});
    // An accusation of the earlier life does not touch the new one.
    CHECK(roster_at(0, {{peer(0), before, now}, {{peer(0), before}}, {}}) == Roster{peer(0), now});
}

}  // namespace dynavg::protocol
