#include "peer/resume.hpp"

#include "tests/catch.hpp"
#include "tests/daemon/threads/fake_learner.hpp"
#include "tests/storage/samples.hpp"

using namespace dynavg;
using namespace dynavg::peer;
using namespace dynavg::storage;
using protocol::Role;

namespace {

FreshLife fresh(Role role = Role::member) {
    return {protocol::peer(1, 2), initial_reference(), 60, role};
}

/// Reference 1, 12 steps of drift of which 10 are frozen for epoch 2, and a promise for it.
Found found_in_mid_round() {
    Found found;
    found.reference = reference_of(1);
    found.history = history_to(1);
    found.promise = promise_of(2, 4);
    found.prepared = prepared_of(reference_of(2));
    found.local = local_of(112);
    found.known_peers.peers.push_back({protocol::peer(2).id, "tcp://10.0.0.2:7400"});
    return found;
}

/// Its optimizer does not know the state that it is given.
class OtherOptimizer final : public daemon::FakeLearner {
public:
    using FakeLearner::FakeLearner;
    bool restore(protocol::ReferencePointer reference, std::span<const float> values,
                 std::span<const std::byte> optimizer, std::uint64_t steps) override {
        (void)FakeLearner::restore(std::move(reference), values, optimizer, steps);
        return false;
    }
};

}  // namespace

TEST_CASE("an empty disk gives a fresh life", "[resume]") {
    const Resumption resumed = resume({}, fresh());
    CHECK(resumed.self == fresh().self);
    CHECK_FALSE(resumed.core);
    CHECK(resumed.training.reference == initial_reference());
    CHECK(resumed.training.steps == 0);
    CHECK(resumed.training.given == nullptr);
    CHECK(resumed.values.empty());
    daemon::FakeLearner learner(initial_reference());
    const float before = learner.value();
    CHECK(restore_learner(learner, resumed));
    CHECK(learner.value() == before);
}

TEST_CASE("a life goes on from all that was found", "[resume]") {
    const Found found = found_in_mid_round();
    const Resumption resumed = resume(found, fresh());
    // The former life was the third.
    CHECK(resumed.self == protocol::peer(1, 4));
    REQUIRE(resumed.core);
    CHECK(resumed.core->reference == found.reference);
    CHECK(resumed.core->history == found.history);
    CHECK(resumed.core->promise == found.promise);
    REQUIRE(resumed.core->prepared);
    CHECK(resumed.core->prepared->value->id == reference_of(2)->id);
    CHECK(resumed.core->drift_since == Epoch(1));
    CHECK(resumed.core->frozen_for == Epoch(2));
    CHECK(resumed.training.reference == found.reference);
    CHECK(resumed.training.steps == 112);
    CHECK(resumed.training.steps_since_reference == 12);
    REQUIRE(resumed.training.given);
    CHECK(resumed.training.given->target == Epoch(2));
    CHECK(resumed.training.given->facts.steps == 10);
    CHECK(resumed.training.given->facts.weight == 60);
    CHECK(resumed.known_peers == found.known_peers.peers);

    daemon::FakeLearner learner(initial_reference());
    CHECK(restore_learner(learner, resumed));
    CHECK(learner.value() == found.reference->values[0] + 1);
}

TEST_CASE("a disk that has lost a promise or a prepared value is not an empty one", "[resume]") {
    Found found;
    found.forgot = true;
    const Resumption resumed = resume(found, fresh());
    REQUIRE(resumed.core);
    CHECK_FALSE(resumed.core->promise);
    CHECK(resumed.core->reference == initial_reference());
    // The steps of this life are not in the contribution that an earlier one may have given to the
    // first round.
    REQUIRE(resumed.training.given);
    CHECK(resumed.training.given->target == Epoch(1));
    CHECK(resumed.training.given->facts.steps == 0);
}

TEST_CASE("a life that has forgotten what it prepared makes nothing of its promise", "[resume]") {
    Found found = found_in_mid_round();
    found.prepared.reset();
    found.forgot = true;
    const Resumption resumed = resume(found, fresh());
    REQUIRE(resumed.core);
    CHECK_FALSE(resumed.core->promise);
    CHECK(resumed.training.steps_since_reference == 12);
}

TEST_CASE("the first reference is on no disk, and everybody has it", "[resume]") {
    Found found;
    found.promise = promise_of(1, 4);
    const Resumption resumed = resume(found, fresh());
    REQUIRE(resumed.core);
    CHECK(resumed.core->reference == initial_reference());
    REQUIRE(resumed.core->history.size() == 1);
    CHECK(resumed.core->history[0].reference == initial_reference()->id);
    CHECK(resumed.core->promise == found.promise);
    CHECK(resumed.values == initial_reference()->values);
}

TEST_CASE("an observer goes on from the reference alone", "[resume]") {
    const Resumption resumed = resume(found_in_mid_round(), fresh(Role::observer));
    REQUIRE(resumed.core);
    CHECK(resumed.core->reference->id == reference_of(1)->id);
    CHECK(resumed.training.reference->id == reference_of(1)->id);
    CHECK(resumed.training.steps == 0);
    CHECK(resumed.training.steps_since_reference == 0);
    CHECK(resumed.training.given == nullptr);
}

TEST_CASE("an optimizer's state that does not fit is told, if there was one", "[resume]") {
    OtherOptimizer learner(initial_reference());
    Found found = found_in_mid_round();
    CHECK_FALSE(restore_learner(learner, resume(found, fresh())));
    found.local->optimizer.clear();
    CHECK(restore_learner(learner, resume(found, fresh())));
}

TEST_CASE("a local record of a life is what the next one goes on from", "[resume]") {
    TrainingCopy copy;
    copy.reference = reference_of(1);
    copy.values = reference_of(1)->values;
    copy.values[0] += 7;
    copy.steps = 107;
    copy.steps_since_reference = 7;
    copy.optimizer = {std::byte{3}};
    Found found;
    found.reference = copy.reference;
    found.history = history_to(1);
    found.local = local_record(protocol::Incarnation(5), copy);
    const Resumption resumed = resume(found, fresh());
    CHECK(resumed.self.incarnation == protocol::Incarnation(6));
    CHECK(resumed.training.steps == 107);
    CHECK(resumed.training.steps_since_reference == 7);
    CHECK(resumed.values == copy.values);
    CHECK(resumed.optimizer == copy.optimizer);
}
