#include "storage/restore.hpp"

#include <limits>

#include "tests/catch.hpp"
#include "tests/storage/samples.hpp"

namespace dynavg::storage {

namespace {

/// Peer 1 comes back in its fourth life; its drift is of the third.
const protocol::Member kSelf = protocol::peer(1, 4);

protocol::Contribution contribution(const protocol::Reference& reference, float drift,
                                    std::uint64_t steps) {
    protocol::Contribution made;
    made.target = reference.epoch.next();
    made.facts.steps = steps;
    made.values = reference.values;
    for (std::size_t i = 0; i < reference.parameters; ++i) made.values[i] += drift;
    return made;
}

/// Local training at reference 1: 12 steps, each of which added 1 to every parameter, 10 of them
/// frozen for epoch 2 if `frozen`.
protocol::LocalRecord local_record(bool frozen) {
    const ReferencePointer reference = reference_of(1);
    std::vector<float> values = contribution(*reference, 12, 0).values;
    values[5] = values[6] = 9;
    const protocol::Contribution ten = contribution(*reference, 10, 10);
    return make_local_record(Incarnation(3), *reference, values, frozen ? &ten : nullptr, 112, 12,
                             {std::byte{5}});
}

/// Up to epoch `last`; from `first_with_us` on the roster holds this peer's third life.
Found found_at(std::uint32_t last, std::vector<std::uint32_t> epochs_with_us, bool frozen) {
    Found found;
    found.reference = reference_of(last);
    found.history = history_to(last);
    for (HistoryEntry& entry : found.history) {
        entry.roster = protocol::peers({2, 3});
        for (const std::uint32_t epoch : epochs_with_us) {
            if (entry.reference.epoch != Epoch(epoch)) continue;
            entry.roster = {protocol::peer(1, 3), protocol::peer(2)};
        }
    }
    found.local = local_record(frozen);
    return found;
}

/// As a peer with so many samples, where they are its weight.
constexpr float kWeight = 60;

Restart restart_of(const Found& found, const protocol::Member& self = kSelf) {
    return make_restart(found, self, kWeight);
}

/// How much of the drift is in the model.
float drift_in(const Restart& restart) {
    return restart.values[0] - restart.reference->values[0];
}

/// Its steps from here on are not those that an earlier life gave for this epoch.
bool gives_nothing(const Restart& restart, std::uint32_t target) {
    return restart.given != nullptr && restart.given->target == Epoch(target) &&
           restart.given->values == restart.reference->values && restart.given->facts.steps == 0 &&
           restart.given->facts.weight == 0;
}

}  // namespace

TEST_CASE("a local record holds the drift and what was frozen of it", "[restore]") {
    const protocol::LocalRecord record = local_record(true);
    CHECK(record.incarnation == Incarnation(3));
    CHECK(record.reference == reference_of(1)->id);
    CHECK(record.steps == 112);
    CHECK(record.steps_since_reference == 12);
    CHECK(record.drift == std::vector<float>(5, 12));
    CHECK(record.buffers == std::vector<float>{9, 9});
    CHECK(record.frozen_for == Epoch(2));
    CHECK(record.frozen_steps == 10);
    CHECK(record.frozen_drift == std::vector<float>(5, 10));
    CHECK_FALSE(local_record(false).frozen_for.has_value());
}

TEST_CASE("without a checkpoint only the incarnation holds", "[restore]") {
    Found found;
    const Restart restart = restart_of(found);
    CHECK(restart.incarnation == Incarnation(4));
    CHECK(restart.reference == nullptr);
    CHECK(restart.given == nullptr);
}

TEST_CASE("a new life is above all former ones, whatever the clock says", "[restore]") {
    Found found;
    found.promise = promise_of(1, 1);
    found.promise->incarnation = Incarnation(20);
    CHECK(restart_of(found).incarnation == Incarnation(21));
    found.local = local_record(false);
    found.local->incarnation = Incarnation(30);
    CHECK(restart_of(found).incarnation == Incarnation(31));
    found.history = history_to(2);
    found.history[1].roster = {protocol::peer(1, 40), protocol::peer(2, 90)};
    CHECK(restart_of(found).incarnation == Incarnation(41));
    found.prepared = prepared_of(reference_of(3));
    found.prepared->prepared.roster = {protocol::peer(1, 50)};
    CHECK(restart_of(found).incarnation == Incarnation(51));
    CHECK(restart_of(found, protocol::peer(1, 99)).incarnation == Incarnation(99));
}

TEST_CASE("at the same reference training goes on where it was", "[restore]") {
    const Restart restart = restart_of(found_at(1, {}, false));
    CHECK(restart.reference->id == reference_of(1)->id);
    CHECK(restart.steps == 112);
    CHECK(restart.steps_since_reference == 12);
    CHECK(restart.values == std::vector<float>{13, 13, 13, 13, 13, 9, 9});
    CHECK(restart.optimizer == std::vector<std::byte>{std::byte{5}});
    CHECK(restart.drift_since == Epoch(1));
    CHECK_FALSE(restart.frozen_for.has_value());
    // The contribution of an earlier life, frozen after the checkpoint, held all that is on it.
    REQUIRE(restart.given != nullptr);
    CHECK(restart.given->target == Epoch(2));
    CHECK(restart.given->values == restart.values);
    CHECK(restart.given->facts.steps == 12);
    CHECK(restart.given->facts.weight == kWeight);
    CHECK(restart.given->facts.squared_norm >= 5 * 12 * 12);
}

TEST_CASE("the part that was frozen for the next epoch is the part that was given to it",
          "[restore]") {
    const Restart restart = restart_of(found_at(1, {}, true));
    CHECK(drift_in(restart) == 12);
    CHECK(restart.steps_since_reference == 12);
    CHECK(restart.drift_since == Epoch(1));
    CHECK(restart.frozen_for == Epoch(2));
    REQUIRE(restart.given != nullptr);
    CHECK(restart.given->target == Epoch(2));
    CHECK(restart.given->values == std::vector<float>{11, 11, 11, 11, 11, 9, 9});
    CHECK(restart.given->facts.steps == 10);
    CHECK(restart.given->facts.weight == kWeight);
}

TEST_CASE("drift that went into a reference since the checkpoint is not counted again",
          "[restore]") {
    SECTION("frozen for that epoch: the steps after the freeze are kept") {
        const Restart restart = restart_of(found_at(2, {2}, true));
        CHECK(restart.reference->id == reference_of(2)->id);
        CHECK(restart.steps == 112);
        CHECK(restart.steps_since_reference == 2);
        CHECK(drift_in(restart) == 2);
        CHECK(restart.drift_since == Epoch(2));
        CHECK_FALSE(restart.frozen_for.has_value());
        REQUIRE(restart.given != nullptr);
        CHECK(restart.given->target == Epoch(3));
        CHECK(restart.given->values == restart.values);
        CHECK(restart.given->facts.steps == 2);
    }
    SECTION("frozen after the checkpoint: all of it was given") {
        const Restart restart = restart_of(found_at(2, {2}, false));
        CHECK(drift_in(restart) == 0);
        CHECK(restart.steps == 112);
        CHECK(restart.steps_since_reference == 0);
        CHECK_FALSE(restart.drift_since.has_value());
        CHECK(gives_nothing(restart, 3));
    }
    SECTION("frozen, but given to a later epoch, with all that was made since") {
        CHECK(drift_in(restart_of(found_at(3, {3}, true))) == 0);
        CHECK(drift_in(restart_of(found_at(3, {2, 3}, true))) == 0);
    }
    SECTION("references without this peer leave all of it") {
        const Restart restart = restart_of(found_at(3, {}, true));
        CHECK(drift_in(restart) == 12);
        CHECK(restart.steps_since_reference == 12);
        CHECK(restart.values[5] == restart.reference->values[5]);
        CHECK(restart.drift_since == Epoch(3));
        CHECK_FALSE(restart.frozen_for.has_value());
        CHECK(restart.given->target == Epoch(4));
        CHECK(restart.given->facts.steps == 12);
    }
}

TEST_CASE("after a fall back the spent part of the drift cannot be known, so the drift is dropped",
          "[restore]") {
    Found found = found_at(1, {}, true);
    found.fell_back = true;
    Restart restart = restart_of(found);
    CHECK(drift_in(restart) == 0);
    CHECK(restart.steps == 112);
    CHECK(restart.optimizer.size() == 1);
    CHECK(gives_nothing(restart, 2));

    // The checkpoint of local training is of a later reference than the one found.
    found = found_at(1, {}, true);
    found.local->reference = reference_of(2)->id;
    restart = restart_of(found);
    CHECK(drift_in(restart) == 0);
    CHECK(restart.steps == 112);

    // Of another past, or of one that is forgotten.
    found = found_at(3, {}, true);
    found.local->reference = reference_of(1, 0.5F)->id;
    CHECK(drift_in(restart_of(found)) == 0);
    found = found_at(3, {}, true);
    found.history.erase(found.history.begin(), found.history.begin() + 2);
    CHECK(drift_in(restart_of(found)) == 0);
}

TEST_CASE("an earlier life's promise tells which contribution it may have given", "[restore]") {
    Found found = found_at(1, {}, false);
    found.promise = protocol::Promise{};
    found.promise->target = Epoch(1);
    CHECK(restart_of(found).given == nullptr);
    found.promise->target = Epoch(4);  // Of a merge.
    const Restart spoken = restart_of(found);
    REQUIRE(spoken.given != nullptr);
    CHECK(spoken.given->target == Epoch(4));
    CHECK(spoken.given->facts.steps == 12);
    found.local.reset();
    CHECK(gives_nothing(restart_of(found), 4));
    found.forgot = true;
    CHECK(gives_nothing(restart_of(found), 2));
}

TEST_CASE("a life that gave nothing keeps what it learned though a roster held an earlier one",
          "[restore]") {
    // The third life froze for epoch 2 and died; the fourth has none of that drift.
    Found found = found_at(1, {}, false);
    found.local.reset();
    const Restart fourth = restart_of(found, protocol::peer(1, 4));
    const ReferencePointer reference = reference_of(1);
    const std::vector<float> values = contribution(*reference, 8, 8).values;
    const protocol::LocalRecord record =
        make_local_record(Incarnation(4), *reference, values, fourth.given.get(), 8, 8, {});
    // Meanwhile the others have committed what the third gave.
    found = found_at(2, {2}, false);
    found.local = record;
    const Restart fifth = restart_of(found, protocol::peer(1, 5));
    CHECK(drift_in(fifth) == 8);
    CHECK(fifth.steps_since_reference == 8);
}

TEST_CASE("a drift that is not finite is dropped", "[restore]") {
    for (const bool frozen : {true, false}) {
        Found found = found_at(1, {}, true);
        auto& drift = frozen ? found.local->frozen_drift : found.local->drift;
        drift[3] = std::numeric_limits<float>::quiet_NaN();
        const Restart restart = restart_of(found);
        CHECK(restart.values == reference_of(1)->values);
        CHECK(gives_nothing(restart, 2));
        CHECK(restart.steps == 112);
    }
}

// The duty that Restart::given names: this life gives for that epoch what the former gave.
TEST_CASE("over several crashes each step is counted once, whichever life a roster held",
          "[restore]") {
    for (const bool frozen : {true, false}) {
        for (const std::uint32_t life : {3U, 4U}) {
            CAPTURE(frozen, life);
            const Restart second = restart_of(found_at(1, {}, frozen));
            // Twenty more steps in the second life, then it crashes; its record reached the disk.
            auto values = second.values;
            for (std::size_t i = 0; i < 5; ++i) values[i] += 20;
            Found found = found_at(2, {2}, frozen);
            found.history.back().roster.front() = protocol::peer(1, life);
            found.local =
                make_local_record(second.incarnation, *second.reference, values, second.given.get(),
                                  second.steps + 20, second.steps_since_reference + 20, {});
            const Restart third = restart_of(found, protocol::peer(1, 5));
            const auto given = static_cast<float>(second.given->facts.steps);
            CHECK(drift_in(third) == 32 - given);
            CHECK(static_cast<float>(third.steps_since_reference) == 32 - given);
            // It did not: the first life's is used.
            found.local = local_record(frozen);
            CHECK(drift_in(restart_of(found, protocol::peer(1, 5))) == 12 - given);
        }
    }
}

}  // namespace dynavg::storage
