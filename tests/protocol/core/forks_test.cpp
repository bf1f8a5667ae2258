#include "protocol/core/forks.hpp"

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

constexpr ReferenceId kOwn{Epoch(4), {1, 1}};
constexpr ReferenceId kTheirs{Epoch(6), {2, 2}};

/// Peer 0 at kOwn; peers 3, 4 and 5 are the voters behind kTheirs, of whom `live` are live there.
struct Bench {
    explicit Bench(const Roster& live = peers({3, 4, 5}), QuorumRule quorum = QuorumRule::majority)
        : peers_here(peer(0)), forks(quorum) {
        PeerView view;
        for (const Member& member : peers({3, 4, 5})) {
            PeerInfo info;
            info.member = member;
            info.remembers = Incarnation(1);
            info.live = contains(live, member);
            info.reference = kTheirs;
            view.peers.push_back(info);
        }
        peers_here.update(view);
    }
    ForkHeard hear(const ReferenceId& theirs = kTheirs) {
        return forks.on_reference(peer(3).id, theirs, now);
    }
    bool tell(const ReferenceId& theirs = kTheirs) {
        return forks.on_history(peer(3).id, {{theirs, peers({3, 4, 5}), {}}});
    }
    ForkOutcome resolve(OwnSide own, std::optional<Epoch> merging = std::nullopt) {
        return forks.resolve({{peer(0), Incarnation(1)}, peers_here}, merging, own);
    }

    PeerTable peers_here;
    Forks forks;
    Instant now{1h};
};

}  // namespace

TEST_CASE("a fork is reported once, and asked about until its history has told", "[forks]") {
    Bench bench;
    ForkHeard heard = bench.hear();
    CHECK(heard.is_new);
    CHECK(heard.ask);
    heard = bench.hear();
    CHECK_FALSE(heard.is_new);
    CHECK_FALSE(heard.ask);
    bench.now += limits::kForkRetryInterval;
    CHECK(bench.hear().ask);
    bench.now += limits::kForkRetryInterval;
    REQUIRE(bench.tell());
    CHECK_FALSE(bench.hear().ask);
    SECTION("a later reference of the same peer is asked about anew") {
        heard = bench.hear({Epoch(7), {3, 3}});
        CHECK_FALSE(heard.is_new);
        CHECK(heard.ask);
    }
    SECTION("a peer that comes to this history is no fork any more") {
        bench.forks.end(peer(3).id);
        CHECK(bench.forks.empty());
        CHECK(bench.hear().is_new);
    }
}

TEST_CASE("a history that nobody asked for, or of before, tells nothing", "[forks]") {
    Bench bench;
    CHECK_FALSE(bench.tell());
    bench.hear();
    CHECK_FALSE(bench.tell({Epoch(5), {2, 5}}));
    CHECK(std::holds_alternative<std::monostate>(bench.resolve(OwnSide::may_not)));
}

TEST_CASE("a side that may go on absorbs one that may not, and merges with one that may",
          "[forks]") {
    Bench bench;
    bench.hear();
    CHECK(std::holds_alternative<std::monostate>(bench.resolve(OwnSide::may_not)));
    REQUIRE(bench.tell());
    const ForkOutcome absorbed = bench.resolve(OwnSide::may_not);
    REQUIRE(std::holds_alternative<Absorb>(absorbed));
    CHECK(std::get<Absorb>(absorbed).source == peer(3).id);
    CHECK(std::get<Absorb>(absorbed).reference == kTheirs);
    CHECK(std::holds_alternative<Merge>(bench.resolve(OwnSide::may_go_on)));
}

TEST_CASE("a side without a quorum of its voters decides nothing, unless no quorum is asked for",
          "[forks]") {
    const auto resolved_with = [](QuorumRule rule) {
        Bench bench(peers({3}), rule);
        bench.hear();
        CHECK(bench.tell());
        return bench.resolve(OwnSide::may_go_on);
    };
    CHECK(std::holds_alternative<std::monostate>(resolved_with(QuorumRule::majority)));
    CHECK(std::holds_alternative<Merge>(resolved_with(QuorumRule::none)));
}

TEST_CASE("while a merge is open, only a side that has passed it without this peer counts",
          "[forks]") {
    Bench bench;
    bench.hear();
    REQUIRE(bench.tell());
    const Epoch target(6);
    CHECK(std::holds_alternative<std::monostate>(bench.resolve(OwnSide::may_go_on, target)));
    bench.forks.on_merged_without_us(peer(3).id, target);
    CHECK(bench.forks.has_merged_without_us(peer(3).id, target));
    CHECK(std::holds_alternative<Merge>(bench.resolve(OwnSide::may_go_on, target)));
    CHECK(std::holds_alternative<std::monostate>(bench.resolve(OwnSide::may_go_on, Epoch(7))));
}

TEST_CASE("a merge is over all at one of its ends, above all of them", "[forks]") {
    Bench bench(peers({3, 5}));
    bench.hear();
    CHECK(bench.forks.last_epoch(kOwn.epoch) == kTheirs.epoch);
    CHECK(bench.forks.last_epoch(Epoch(9)) == Epoch(9));
    CHECK(bench.forks.merge_candidates(peers({0, 1}), bench.peers_here) == peers({0, 1, 3, 5}));
}

}  // namespace dynavg::protocol
