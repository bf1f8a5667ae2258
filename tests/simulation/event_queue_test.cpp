#include "simulation/event_queue.hpp"

#include <string>

#include "tests/catch.hpp"

namespace dynavg::simulation {

using namespace std::chrono_literals;

namespace {

void run_all(EventQueue& events) {
    while (!events.empty()) events.run_next();
}

}  // namespace

TEST_CASE("events happen in the order of their time", "[event_queue]") {
    EventQueue events;
    std::string happened;
    events.after(3ms, [&] { happened += 'c'; });
    events.after(1ms, [&] { happened += 'a'; });
    events.at(protocol::Instant(2ms), [&] { happened += 'b'; });
    run_all(events);
    CHECK(happened == "abc");
    CHECK(events.now() == protocol::Instant(3ms));
    CHECK(events.handled() == 3);
}

TEST_CASE("events of one instant happen in the order in which they were added", "[event_queue]") {
    EventQueue events;
    std::vector<int> happened;
    for (int i = 0; i < 100; ++i) {
        events.after(i % 2 == 0 ? 2ms : 1ms, [&happened, i] { happened.push_back(i); });
    }
    run_all(events);
    std::vector<int> expected;
    for (int i = 1; i < 100; i += 2) expected.push_back(i);
    for (int i = 0; i < 100; i += 2) expected.push_back(i);
    CHECK(happened == expected);
}

TEST_CASE("an event may add others, those of the same instant come last", "[event_queue]") {
    EventQueue events;
    std::string happened;
    events.after(1ms, [&] {
        happened += 'a';
        events.after(0ms, [&] { happened += 'c'; });
    });
    events.after(1ms, [&] { happened += 'b'; });
    run_all(events);
    CHECK(happened == "abc");
}

TEST_CASE("time never goes back", "[event_queue]") {
    EventQueue events;
    protocol::Instant when;
    events.after(5ms, [&] { events.at(protocol::Instant(1ms), [&] { when = events.now(); }); });
    run_all(events);
    CHECK(when == protocol::Instant(5ms));
}

}  // namespace dynavg::simulation
