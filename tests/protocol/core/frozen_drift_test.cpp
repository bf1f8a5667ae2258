#include "protocol/core/frozen_drift.hpp"

#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

/// Epochs 0 to 3; peer 1 has missed the second.
History some_history() {
    History history(ReferenceId{Epoch(0), {9, 0}});
    history.add({{Epoch(1), {9, 1}}, peers({0, 1, 2}), {}});
    history.add({{Epoch(2), {9, 2}}, peers({0, 2}), {}});
    history.add({{Epoch(3), {9, 3}}, peers({0, 1, 2}), {}});
    return history;
}

}  // namespace

TEST_CASE("a frozen part is spent where the roster of its epoch holds this peer",
          "[frozen_drift]") {
    FrozenDrift drift(peer(1));
    CHECK(drift.spent_by(Epoch(3), some_history()) == Spent::nothing);
    drift.freeze({Epoch(1)});
    CHECK(drift.is_frozen_for(Epoch(1)));
    CHECK_FALSE(drift.is_frozen_for(Epoch(2)));
    CHECK(drift.spent_by(Epoch(1), some_history()) == Spent::frozen);
    CHECK(drift.spent_by(Epoch(3), some_history()) == Spent::frozen);
    drift.freeze({Epoch(2)});
    CHECK(drift.spent_by(Epoch(3), some_history()) == Spent::nothing);
    drift.freeze({Epoch(3)});
    CHECK(drift.spent_by(Epoch(2), some_history()) == Spent::nothing);
}

TEST_CASE("where nobody remembers the epoch it is rather lost than counted twice",
          "[frozen_drift]") {
    History short_history(ReferenceId{Epoch(0), {9, 0}});
    short_history.replace({{{Epoch(3), {9, 3}}, peers({0, 2}), {}}});
    FrozenDrift drift(peer(1));
    drift.freeze({Epoch(1)});
    CHECK(drift.spent_by(Epoch(3), short_history) == Spent::frozen);
}

TEST_CASE("a restored drift is spent where a later roster holds an earlier life",
          "[frozen_drift]") {
    FrozenDrift drift(peer(1, 2));
    drift.restore({Epoch(1), std::nullopt});
    CHECK(drift.spent_by(Epoch(2), some_history()) == Spent::nothing);
    CHECK(drift.spent_by(Epoch(3), some_history()) == Spent::given);
}

TEST_CASE("another reference ends what was frozen and what was restored", "[frozen_drift]") {
    FrozenDrift drift(peer(1, 2));
    drift.restore({Epoch(1), std::nullopt});
    drift.freeze({Epoch(3)});
    drift.on_reference();
    CHECK_FALSE(drift.frozen());
    CHECK(drift.spent_by(Epoch(3), some_history()) == Spent::nothing);
}

}  // namespace dynavg::protocol
