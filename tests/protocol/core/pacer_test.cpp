#include "protocol/core/pacer.hpp"

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

constexpr ReferenceId kInitial{Epoch(0), {1, 1}};
constexpr ReferenceId kLater{Epoch(3), {2, 2}};

AveragingSettings settings(Pace pace, std::uint64_t check_every = 1) {
    AveragingSettings settings;
    settings.pace = pace;
    settings.check_every = check_every;
    return settings;
}

PeerView view_of(const Roster& others, ReferenceId reference = kInitial) {
    PeerView view;
    for (const Member& member : others) {
        PeerInfo info;
        info.member = member;
        info.live = true;
        info.reference = reference;
        view.peers.push_back(info);
    }
    return view;
}

Pacer lockstep_pacer(std::uint32_t start_peers, std::uint64_t check_every = 1) {
    return {peer(1), settings(Pace::lockstep, check_every), start_peers};
}

}  // namespace

TEST_CASE("training begins once enough peers are live, and goes on", "[pacer]") {
    Pacer pacer(peer(1), settings(Pace::free), 3);
    pacer.on_peers({}, kInitial);
    CHECK_FALSE(pacer.has_started());
    PeerView view = view_of(peers({0, 2}));
    view.peers[1].live = false;
    pacer.on_peers(view, kInitial);
    CHECK_FALSE(pacer.has_started());
    view.peers[1].live = true;
    pacer.on_peers(view, kInitial);
    CHECK(pacer.has_started());
    pacer.on_peers({}, kInitial);
    CHECK(pacer.has_started());
    CHECK(pacer.members().empty());
}

TEST_CASE("a peer alone begins if it is to", "[pacer]") {
    Pacer pacer = lockstep_pacer(1);
    pacer.on_peers({}, kInitial);
    CHECK(pacer.has_started());
    CHECK(pacer.members() == peers({1}));
    CHECK(pacer.is_in_step());
}

TEST_CASE("peers that have told no reference, or another one, do not count", "[pacer]") {
    Pacer pacer = lockstep_pacer(2);
    pacer.on_peers(view_of(peers({0}), ReferenceId{}), kInitial);
    CHECK_FALSE(pacer.has_started());
    pacer.on_peers(view_of(peers({0}), kLater), kInitial);
    CHECK_FALSE(pacer.has_started());
}

TEST_CASE("in lockstep those that start together are fixed", "[pacer]") {
    Pacer pacer = lockstep_pacer(3);
    CHECK_FALSE(pacer.is_in_step());
    pacer.on_peers(view_of(peers({2, 0})), kInitial);
    CHECK(pacer.members() == peers({0, 1, 2}));
    CHECK(pacer.is_in_step());
    pacer.on_peers(view_of(peers({0, 2, 5})), kInitial);
    CHECK(pacer.members() == peers({0, 1, 2}));
}

TEST_CASE("a peer that comes when the others are past their first check is not in step",
          "[pacer]") {
    for (const std::uint64_t check_every : {1U, 4U}) {
        CAPTURE(check_every);
        PeerView view = view_of(peers({0, 2}));
        view.peers[0].steps_since_reference = check_every;
        Pacer together = lockstep_pacer(3, check_every);
        together.on_peers(view, kInitial);
        CHECK(together.is_in_step());
        view.peers[0].steps_since_reference = check_every + 1;
        Pacer late = lockstep_pacer(3, check_every);
        late.on_peers(view, kInitial);
        CHECK(late.has_started());
        CHECK_FALSE(late.is_in_step());
        CHECK(late.position() == LockstepPosition::apart);
        CHECK(late.members().empty());
    }
}

TEST_CASE("the roster behind a reference is the new set", "[pacer]") {
    Pacer pacer = lockstep_pacer(9);
    pacer.on_reference(peers({0, 1, 4}));
    CHECK(pacer.has_started());
    CHECK(pacer.members() == peers({0, 1, 4}));
    pacer.on_reference(peers({0, 4}));
    CHECK_FALSE(pacer.is_in_step());
    pacer.on_peers(view_of(peers({0, 4, 7}), kLater), kLater);
    CHECK(pacer.members() == peers({0, 4}));
    Pacer free(peer(1), settings(Pace::free), 1);
    free.on_reference(peers({0, 1}));
    CHECK(free.members().empty());
}

TEST_CASE("members that are lost or came back in another life are not waited for", "[pacer]") {
    Pacer pacer = lockstep_pacer(1);
    pacer.on_reference(peers({0, 1, 2, 3}));
    PeerView view = view_of({peer(0), peer(2), peer(3, 2), peer(7)});
    view.peers[1].live = false;
    CHECK(pacer.live_members(view, kLater) == peers({0, 1}));
}

TEST_CASE("a peer that stands apart under this reference is not waited for", "[pacer]") {
    Pacer pacer = lockstep_pacer(4);
    CHECK(pacer.position() == LockstepPosition::not_started);
    PeerView view = view_of(peers({0, 2, 3}));
    pacer.on_peers(view, kInitial);
    CHECK(pacer.position() == LockstepPosition::in_step);
    // A peer that has not started may yet be in step.
    CHECK(pacer.live_members(view, kInitial) == peers({0, 1, 2, 3}));
    view.peers[0].position = LockstepPosition::in_step;
    view.peers[2].position = LockstepPosition::apart;
    CHECK(pacer.live_members(view, kInitial) == peers({0, 1, 2}));
    CHECK_FALSE(pacer.waits_for(view.peers[2], kInitial));
    // It is still one of those that the step began with, and where it stands under another
    // reference says nothing.
    CHECK(pacer.members() == peers({0, 1, 2, 3}));
    view.peers[2].reference = kLater;
    CHECK(pacer.live_members(view, kInitial) == peers({0, 1, 2, 3}));
}

}  // namespace dynavg::protocol
