#include "discovery/seeds.hpp"

#include <algorithm>
#include <string>

#include "discovery/bounds.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
using dynavg::protocol::RandomPurpose;
using dynavg::protocol::RandomStream;

namespace {

Seeds seeds_of(const std::vector<Seed>& seeds) {
    return {seeds, "self:1", RandomStream(1, RandomPurpose::jitter)};
}

/// All actions while every due tick until `end` is served.
Actions run(Seeds& seeds, Instant end) {
    Actions actions;
    while (seeds.next_tick() <= end) seeds.on_tick(seeds.next_tick(), actions);
    return actions;
}

}  // namespace

TEST_CASE("delays double with jitter up to the last", "[backoff]") {
    Backoff backoff(500ms, 30s);
    RandomStream random(3, RandomPurpose::jitter);
    Duration base = 500ms;
    bool jitter = false;
    for (int i = 0; i < 12; ++i) {
        const Duration delay = backoff.next(random);
        CHECK(delay >= base * 3 / 4);
        CHECK(delay <= base * 5 / 4);
        jitter = jitter || delay != base;
        base = std::min<Duration>(base * 2, 30s);
    }
    CHECK(jitter);
    backoff.reset();
    CHECK(backoff.next(random) <= 625ms);
}

TEST_CASE("a configuration that is read again changes the seeds", "[seeds]") {
    const auto dialed = [](const Actions& actions, const std::string& address) {
        return std::any_of(actions.dials.begin(), actions.dials.end(),
                           [&](const Dial& dial) { return dial.address == address; });
    };
    dynavg::protocol::KnownPeer met;
    met.address = "met:1";
    Seeds seeds = seeds_of({{"a:1", {}}, {"b:1", {}}, {"met:1", {}, met}});
    (void)run(seeds, at(10s));
    seeds.configure({{"b:1", {}}, {"c:1", {}}, {"self:1", {}}});
    CHECK(seeds.next_tick() <= at(10s));
    const Actions later = run(seeds, at(2min));
    CHECK_FALSE(dialed(later, "a:1"));
    CHECK(dialed(later, "b:1"));
    CHECK(dialed(later, "c:1"));
    CHECK(dialed(later, "met:1"));
    CHECK_FALSE(dialed(later, "self:1"));
    CHECK(seeds.still_missed().size() == 1);

    // One that was met and is configured now is an operator's concern, and told if it is missing.
    seeds.configure({{"met:1", {}}});
    CHECK(seeds.still_missed().empty());
    const Actions hour = run(seeds, at(1h));
    REQUIRE_FALSE(hour.events.empty());
    CHECK(std::get<std::string>(*hour.events.front().find("address")) == "met:1");
    seeds.configure({});
    CHECK(run(seeds, at(3h)).dials.empty());
}

TEST_CASE("an unreachable seed is dialed for ever and told rarely", "[seeds]") {
    Seeds seeds = seeds_of({{"a:1", {}}});
    const Actions hour = run(seeds, at(1h));
    CHECK(hour.dials.size() > 100);
    CHECK(hour.dials.size() < 200);
    CHECK(hour.events.size() >= 2);
    CHECK(hour.events.size() <= 5);
    for (const Event& event : hour.events) {
        CHECK(event.name == "seed_unreachable");
        CHECK(std::get<std::string>(*event.find("address")) == "a:1");
    }
    // Up to once an hour from then on.
    const Actions day = run(seeds, at(25h));
    CHECK(day.events.size() >= 22);
    CHECK(day.events.size() <= 25);
    CHECK(seeds.next_tick() > at(25h));
    CHECK(seeds.next_tick() < at(25h + 1min));
}

TEST_CASE("a peer that an earlier life met is dialed for ever, in silence, until it answers",
          "[seeds]") {
    const dynavg::protocol::KnownPeer met{id_of(1), "a:1"};
    Seeds seeds = seeds_of({{"a:1", {}, met}});
    const Actions hour = run(seeds, at(1h));
    CHECK(hour.dials.size() > 100);
    CHECK(hour.events.empty());
    CHECK(seeds.still_missed() == std::vector{met});
    Actions actions;
    seeds.on_answered("a:1", id_of(1), at(1h), actions);
    CHECK(actions.events.empty());
    CHECK(seeds.still_missed().empty());
}

TEST_CASE("a seed that is reached after a warning is told once", "[seeds]") {
    Seeds seeds = seeds_of({{"a:1", {}}, {"b:1", {}}});
    Actions actions;
    seeds.on_answered("b:1", id_of(2), at(0s), actions);
    CHECK(actions.events.empty());
    run(seeds, at(1min));
    seeds.on_answered("a:1", id_of(1), at(1min), actions);
    seeds.on_answered("a:1", id_of(1), at(1min), actions);
    REQUIRE(actions.events.size() == 1);
    CHECK(actions.events[0].name == "seed_reached");
    CHECK(seeds.next_tick() == dynavg::protocol::kNever);
    CHECK(seeds.state("a:1") == SeedState::answered);
}

TEST_CASE("a seed whose peer is lost is dialed again", "[seeds]") {
    Seeds seeds = seeds_of({{"a:1", {}}});
    Actions actions;
    seeds.on_answered("a:1", id_of(1), at(0s), actions);
    seeds.on_peer_lost(id_of(2), at(1h));
    CHECK(seeds.next_tick() == dynavg::protocol::kNever);
    seeds.on_peer_lost(id_of(1), at(1h));
    const Actions after = run(seeds, at(1h + 4min));
    CHECK(after.dials.size() > 5);
    CHECK(after.events.empty());
    CHECK(run(seeds, at(1h + 6min)).events.size() == 1);
}

TEST_CASE("a refused seed is dialed slowly and in silence", "[seeds]") {
    Seeds seeds = seeds_of({{"a:1", {}}});
    run(seeds, at(0s));
    seeds.on_refused("a:1", at(0s));
    const Actions hour = run(seeds, at(1h));
    CHECK(hour.dials.size() >= 5);
    CHECK(hour.dials.size() <= 12);
    CHECK(hour.events.empty());
    seeds.retry_refused(at(1h));
    CHECK(seeds.next_tick() == at(1h));
}

TEST_CASE("oneself and duplicates are no seeds, and their number is bounded", "[seeds]") {
    std::vector<Seed> many = {{"self:1", {}}, {"a:1", {}}, {"a:1", {}}};
    Seeds seeds = seeds_of(many);
    CHECK_FALSE(seeds.state("self:1").has_value());
    Actions actions;
    seeds.on_tick(at(0s), actions);
    CHECK(actions.dials.size() == 1);
    seeds.drop("a:1");
    CHECK(seeds.next_tick() == dynavg::protocol::kNever);
    for (int i = 0; i < 1000; ++i) many.push_back({"x" + std::to_string(i) + ":1", {}});
    Actions all;
    seeds_of(many).on_tick(at(0s), all);
    CHECK(all.dials.size() == kSeedsMax);
}
