#include "protocol/core/phase.hpp"

#include "protocol/base/limits.hpp"
#include "protocol/wire/codec.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

constexpr Instant kBegin{1h};

/// Peer 0 in a round with peers 1 and 2, who are live and have a suspicion timeout of 2 s.
struct Bench {
    Bench() : peers_here(peer(0)), in{round_of(Attempt(0)), kBegin, kBegin, kBegin, kBegin} {
        for (const Member& member : peers({1, 2})) {
            PeerInfo info;
            info.member = member;
            info.live = true;
            info.suspicion_timeout = 2s;
            view.peers.push_back(info);
        }
        peers_here.update(view);
    }
    static Round round_of(Attempt attempt) {
        Round round(Epoch(5), attempt, peer(0), Evidence{}, {});
        round.merge({peers({0, 1, 2}), {}, {}});
        return round;
    }
    RoundState hear(int from) {
        RoundState state;
        state.target = in.round.target();
        state.attempt = in.round.attempt();
        state.sets = in.round.sets();
        in.round.hear(peer(from), state);
        return state;
    }
    RoundStatus status(std::uint32_t progress, Attempt attempt = Attempt(0)) const {
        return {Epoch(5), attempt, {}, progress};
    }
    bool accuse(Instant now) { return in.accuse_the_silent(peer(0), peers_here, now); }
    void look() { peers_here.update(view); }

    PeerView view;
    PeerTable peers_here;
    InRound in;
};

}  // namespace

TEST_CASE("a member that does not join within its suspicion timeout is accused", "[phase]") {
    Bench bench;
    bench.hear(1);
    CHECK_FALSE(bench.accuse(kBegin + 2s));
    CHECK(bench.accuse(kBegin + 2s + 1us));
    CHECK(bench.in.round.sets().accusations == std::vector<Accusation>{{peer(0), peer(2)}});
    CHECK_FALSE(bench.accuse(kBegin + 3s));
}

TEST_CASE("a member that is gone, or lives again, is accused at once", "[phase]") {
    Bench bench;
    bench.hear(1);
    bench.hear(2);
    SECTION("gone") {
        bench.view.peers[1].live = false;
    }
    SECTION("born again") {
        bench.view.peers[1].member = peer(2, 2);
    }
    SECTION("forgotten by discovery") {
        bench.view.peers.pop_back();
    }
    bench.look();
    CHECK(bench.accuse(kBegin));
    CHECK(bench.in.round.sets().accusations == std::vector<Accusation>{{peer(0), peer(2)}});
}

TEST_CASE("an attempt times out once nobody gets on", "[phase]") {
    Bench bench;
    const Duration patience = limits::kAttemptSuspicionTimes * limits::kSuspicionTimeoutDefault;
    CHECK_FALSE(bench.in.has_timed_out(bench.peers_here, kBegin + patience));
    CHECK(bench.in.has_timed_out(bench.peers_here, kBegin + patience + 1us));
    SECTION("another member's progress is news once") {
        bench.in.hear_progress(peer(1).id, bench.status(1), kBegin + 1s);
        bench.in.hear_progress(peer(1).id, bench.status(1), kBegin + 2s);
        CHECK_FALSE(bench.in.has_timed_out(bench.peers_here, kBegin + 1s + patience));
        CHECK(bench.in.has_timed_out(bench.peers_here, kBegin + 1s + patience + 1us));
    }
    SECTION("progress in another attempt is none") {
        bench.in.hear_progress(peer(1).id, bench.status(1, Attempt(1)), kBegin + 1s);
        CHECK(bench.in.has_timed_out(bench.peers_here, kBegin + patience + 1us));
    }
    SECTION("a slower network waits for longer") {
        bench.view.peers[0].suspicion_timeout = 10s;
        bench.look();
        CHECK_FALSE(bench.in.has_timed_out(bench.peers_here, kBegin + patience + 1us));
    }
    SECTION("the next attempt has its own time") {
        bench.in.begin_attempt(Bench::round_of(Attempt(1)), kBegin + patience);
        CHECK_FALSE(bench.in.has_timed_out(bench.peers_here, kBegin + patience + 1us));
        CHECK(bench.in.called_at == kBegin);
    }
    SECTION("at the last attempt there is no next one") {
        bench.in.begin_attempt(Bench::round_of(Attempt(limits::kAttemptMax)), kBegin);
        CHECK_FALSE(bench.in.has_timed_out(bench.peers_here, kBegin + patience + 1us));
    }
}

TEST_CASE("a status tells that the word behind it is known, or is not", "[phase]") {
    Bench bench;
    RoundStatus status = bench.status(0);
    CHECK_FALSE(bench.in.knows(peer(1), status));
    status.state = wire::digest_of(bench.hear(1));
    CHECK(bench.in.knows(peer(1), status));
    CHECK_FALSE(bench.in.knows(peer(2), status));
    ++status.state.low;
    CHECK_FALSE(bench.in.knows(peer(1), status));
}

}  // namespace dynavg::protocol
