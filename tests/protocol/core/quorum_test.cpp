#include "protocol/core/quorum.hpp"

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

/// Peer 0, whose network was to start with four; discovery knows peers 1 to 4.
struct Bench {
    Bench() : peers_here(peer(0)) {
        for (const Member& member : peers({1, 2, 3, 4})) {
            PeerInfo info;
            info.member = member;
            info.remembers = Incarnation(1);
            view.peers.push_back(info);
        }
        peers_here.update(view);
    }
    [[nodiscard]] Quorum quorum(QuorumRule rule = QuorumRule::majority,
                                const Round* round = nullptr) const {
        return {rule, 4, electorate, {{peer(0), Incarnation(1)}, peers_here, round}};
    }
    static Round round_of(RoundReason reason, const Roster& candidates) {
        Evidence evidence;
        evidence.reason = reason;
        Round round(Epoch(5), Attempt(0), peer(0), evidence, {});
        round.merge({candidates, {}, {}});
        return round;
    }
    static RoundState word_of(const Round& round, Incarnation remembers, Roster voters = {}) {
        RoundState state;
        state.target = round.target();
        state.sets = round.sets();
        state.remembers = remembers;
        state.voters = std::move(voters);
        return state;
    }

    PeerView view;
    PeerTable peers_here;
    Electorate electorate{peers({0, 1, 2})};
};

}  // namespace

TEST_CASE("more than half of the body may speak for it, or nobody is asked", "[quorum]") {
    const Bench bench;
    CHECK(bench.quorum().is_sufficient(peers({0, 1})));
    CHECK_FALSE(bench.quorum().is_sufficient(peers({0, 3, 4})));
    CHECK(bench.quorum(QuorumRule::none).is_sufficient(peers({4})));
}

TEST_CASE("before the first round more than half of those that were to start speak for it",
          "[quorum]") {
    Bench bench;
    bench.electorate = Electorate();
    CHECK_FALSE(bench.quorum().is_sufficient(peers({0, 1})));
    CHECK(bench.quorum().is_sufficient(peers({0, 1, 2})));
    SECTION("and more than half of the candidates") {
        const Round round = Bench::round_of(RoundReason::crossing, peers({0, 1, 2, 3, 4, 5, 6}));
        CHECK_FALSE(bench.quorum(QuorumRule::majority, &round).is_sufficient(peers({0, 1, 2})));
        CHECK(bench.quorum(QuorumRule::majority, &round).is_sufficient(peers({0, 1, 2, 3})));
    }
}

TEST_CASE("a voter that has forgotten its promises has no vote, as it was heard last", "[quorum]") {
    Bench bench;
    bench.view.peers[0].member = peer(1, 3);
    bench.view.peers[0].remembers = Incarnation(3);
    bench.peers_here.update(bench.view);
    const Roster speakers{peer(0), peer(1, 3)};
    CHECK_FALSE(bench.quorum().is_sufficient(speakers));
    // Its word in the round is later than its heartbeat.
    Round round = Bench::round_of(RoundReason::crossing, speakers);
    round.hear(peer(1, 3), Bench::word_of(round, Incarnation(1)));
    CHECK(bench.quorum(QuorumRule::majority, &round).is_sufficient(speakers));
}

TEST_CASE("a merge needs a quorum behind each member's reference", "[quorum]") {
    const Bench bench;
    Round round = Bench::round_of(RoundReason::merge, peers({0, 1, 3}));
    const Quorum quorum = bench.quorum(QuorumRule::majority, &round);
    CHECK(quorum.is_sufficient_for_all(peers({0, 1, 3})));
    round.hear(peer(3), Bench::word_of(round, Incarnation(1), peers({3, 4, 5})));
    CHECK(quorum.is_sufficient(peers({0, 1, 3})));
    CHECK_FALSE(quorum.is_sufficient_for_all(peers({0, 1, 3})));
    CHECK(quorum.is_sufficient_for_all(peers({0, 1, 3, 4})));
    CHECK(is_merge(round));
    CHECK_FALSE(is_merge(Bench::round_of(RoundReason::leave, peers({0}))));
}

}  // namespace dynavg::protocol
