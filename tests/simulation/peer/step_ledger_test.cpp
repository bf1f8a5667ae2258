#include "simulation/peer/step_ledger.hpp"

#include "tests/catch.hpp"

using dynavg::protocol::Epoch;
using dynavg::simulation::StepLedger;

namespace {

void make_steps(StepLedger& ledger, int count) {
    for (int i = 0; i < count; ++i) ledger.on_step();
}

bool is_sound(StepLedger& ledger, std::uint32_t installed, double held, double in_references) {
    return !ledger.check(Epoch(installed), held, in_references);
}

}  // namespace

TEST_CASE("a step that is lost or counts twice is found", "[step_ledger]") {
    StepLedger ledger;
    make_steps(ledger, 3);
    CHECK(is_sound(ledger, 0, 3, 0));
    CHECK_FALSE(is_sound(ledger, 0, 2, 0));
    CHECK_FALSE(is_sound(ledger, 0, 4, 0));
}

TEST_CASE("a drop loses what was learned, and nothing after it", "[step_ledger]") {
    StepLedger ledger;
    make_steps(ledger, 3);
    ledger.on_dropped(Epoch(0), 0);
    CHECK(is_sound(ledger, 0, 0, 0));
    make_steps(ledger, 2);
    CHECK(is_sound(ledger, 0, 2, 0));
    CHECK_FALSE(is_sound(ledger, 0, 1, 0));
    CHECK_FALSE(is_sound(ledger, 0, 3, 0));
}

TEST_CASE("a part frozen before a drop may enter its reference, or not", "[step_ledger]") {
    for (const double given : {3.0, 0.0}) {
        StepLedger ledger;
        make_steps(ledger, 3);
        ledger.on_frozen(Epoch(1), 3);
        make_steps(ledger, 1);
        ledger.on_dropped(Epoch(0), 0);
        make_steps(ledger, 2);
        CHECK(is_sound(ledger, 0, 2, 0));
        // Until the epoch is over both are possible, so a step too many shows on top of both only.
        CHECK_FALSE(is_sound(ledger, 1, 6, given));
        CHECK(is_sound(ledger, 1, given + 2, given));
        CHECK_FALSE(is_sound(ledger, 1, given + 1, given));
    }
}

TEST_CASE("fewer steps than are in the references is found at any time", "[step_ledger]") {
    StepLedger ledger;
    make_steps(ledger, 3);
    ledger.on_frozen(Epoch(1), 3);
    ledger.on_dropped(Epoch(0), 0);
    make_steps(ledger, 1);
    // The dropped part has left the model a second time.
    CHECK_FALSE(is_sound(ledger, 1, 1, 3));
}

TEST_CASE("a record from before a drop brings back what was dropped", "[step_ledger]") {
    StepLedger ledger;
    make_steps(ledger, 5);
    ledger.on_dropped(Epoch(0), 0);
    make_steps(ledger, 1);
    ledger.on_crashed(Epoch(0), 0);
    ledger.on_restarted(Epoch(0), 4, 4.0);
    CHECK(is_sound(ledger, 0, 4, 0));

    StepLedger without;
    make_steps(without, 1);
    without.on_crashed(Epoch(0), 0);
    without.on_restarted(Epoch(0), 4, 4.0);
    CHECK_FALSE(is_sound(without, 0, 4, 0));
}

TEST_CASE("a part given again after a drop comes on top of the steps since", "[step_ledger]") {
    StepLedger ledger;
    make_steps(ledger, 5);
    ledger.on_crashed(Epoch(0), 0);
    ledger.on_restarted(Epoch(0), 4, 4.0);
    ledger.on_dropped(Epoch(0), 0);
    make_steps(ledger, 1);
    ledger.on_given_again(Epoch(1), 4, 4);
    CHECK(is_sound(ledger, 0, 1, 0));
    CHECK(is_sound(ledger, 1, 5, 4));
    CHECK_FALSE(is_sound(ledger, 1, 6, 4));
}
