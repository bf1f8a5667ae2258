#include "daemon/threads/exchange_thread.hpp"

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "protocol/base/limits.hpp"
#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/daemon/loop.hpp"

using namespace dynavg;
using namespace dynavg::daemon;
using protocol::Contribution;
using protocol::ContributionPointer;
using protocol::Epoch;
using protocol::Member;
using protocol::PeerId;
using protocol::ReferencePointer;

namespace {

constexpr std::size_t kTenMegabytes = 10'000'000 / sizeof(float);

protocol::ReferenceShape shape_of(std::size_t parameters) {
    return {.parameters = parameters};
}

ReferencePointer initial_reference(std::size_t parameters) {
    return protocol::make_initial_reference(shape_of(parameters),
                                            std::vector<float>(parameters, 1.0F), 1, 1);
}

std::vector<float> model_of(std::uint32_t seed, std::size_t parameters) {
    protocol::RandomStream random(seed, protocol::RandomPurpose::test);
    std::vector<float> values(parameters);
    for (float& value : values) value = random.uniform_float();
    return values;
}

ContributionPointer contribution_of(Epoch target, std::vector<float> values) {
    auto contribution = std::make_shared<Contribution>();
    contribution->target = target;
    float squared_norm = 0;
    for (const float value : values) squared_norm += (value - 1) * (value - 1);
    contribution->facts = {1, 1, squared_norm};
    contribution->values = std::move(values);
    return contribution;
}

/// An exchange thread, and everything that it has reported.
struct Peer {
    Peer(TestLoop& loop, const std::string& name, std::size_t parameters)
        : member{0, PeerId::from_name(name), protocol::Incarnation(1)},
          thread(
              loop.io, make_zmq_context(),
              {parse_bind("tcp://127.0.0.1:0", "").value(), protocol::NetworkId(1), member.id,
               shape_of(parameters), std::make_shared<MessageSequence>(protocol::Incarnation(1))},
              handlers()) {
        endpoint = thread.start().value();
        thread.set_reference(initial_reference(parameters));
    }
    [[nodiscard]] ExchangeThreadHandlers handlers() {
        return {
            .on_frozen = [this](Epoch, ContributionPointer c) { frozen.push_back(std::move(c)); },
            .on_done = [this](protocol::ExchangeResult result) { done = std::move(result); },
            .on_pulled = [this](ReferencePointer reference) { pulled = std::move(reference); },
            .on_pull_failed = [this](Error error) { errors.push_back(error.message); },
            .on_unusable = [this](auto members) { unusable += members.size(); },
            .on_stalled = [](const auto&) {},
            .on_progress = [this] { ++progress; },
            .on_error = [this](Error error) { errors.push_back(error.message); },
        };
    }
    Member member;
    std::string endpoint;
    std::vector<ContributionPointer> frozen;
    std::optional<protocol::ExchangeResult> done;
    ReferencePointer pulled;
    std::vector<std::string> errors;
    std::size_t unusable = 0;
    int progress = 0;
    ExchangeThread thread;
};

struct Group {
    Group(std::size_t count, std::size_t parameters) {
        for (std::size_t i = 0; i < count; ++i) {
            peers.push_back(std::make_unique<Peer>(loop, "peer" + std::to_string(i), parameters));
            roster.push_back(peers.back()->member);
        }
        std::sort(roster.begin(), roster.end());
        for (auto& peer : peers) {
            for (auto& other : peers) {
                if (other != peer) peer->thread.add_peer(other->member.id, other->endpoint);
            }
        }
    }
    [[nodiscard]] protocol::ExchangeOrder order(const Peer& peer) const {
        protocol::ExchangeOrder order;
        order.key.round = {Epoch(1), protocol::digest_of(roster)};
        order.roster = roster;
        order.self = peer.member;
        return order;
    }
    TestLoop loop;
    std::vector<std::unique_ptr<Peer>> peers;
    protocol::Roster roster;
};

}  // namespace

TEST_CASE("three threads average 10 MB over loopback to the same bits", "[exchange_thread]") {
    Group group(3, kTenMegabytes);
    std::vector<std::vector<float>> models;
    for (std::uint32_t i = 0; i < 3; ++i) models.push_back(model_of(i, kTenMegabytes));
    for (std::size_t i = 0; i < 3; ++i) {
        Peer& peer = *group.peers[i];
        peer.thread.freeze(
            Epoch(1), [&models, i](Epoch target) { return contribution_of(target, models[i]); });
        peer.thread.start_exchange(group.order(peer));
    }
    const auto all_done = [&] {
        return std::all_of(group.peers.begin(), group.peers.end(),
                           [](const auto& peer) { return peer->done.has_value(); });
    };
    REQUIRE(group.loop.run_until(all_done));
    const auto& value = group.peers[0]->done->value;
    for (const auto& peer : group.peers) {
        CHECK(peer->done->value->id == value->id);
        CHECK(peer->done->certificate.roster == group.roster);
        CHECK(peer->frozen.size() == 1);
        CHECK(peer->progress > 0);
        CHECK(peer->errors.empty());
        // 2 (K-1)/K of the model at least; on a slow machine chunks are asked for again.
        CHECK(peer->thread.counters().sent.averaging > 13'300'000);
    }
    for (std::size_t i = 0; i < kTenMegabytes; i += 9973) {
        const double mean = (double{models[0][i]} + models[1][i] + models[2][i]) / 3;
        REQUIRE(value->values[i] == Approx(mean).epsilon(1e-6));
    }
}

TEST_CASE("a thread with a rate sends no faster, and the exchange ends all the same",
          "[exchange_thread]") {
    // Of 2 MB each sends one as its contribution and one as its mean: two seconds.
    constexpr std::size_t kParameters = 2'000'000 / sizeof(float);
    Group group(2, kParameters);
    group.peers[0]->thread.set_rate(1'000'000);
    const auto begin = std::chrono::steady_clock::now();
    for (std::uint32_t i = 0; i < 2; ++i) {
        Peer& peer = *group.peers[i];
        peer.thread.freeze(Epoch(1), [i](Epoch target) {
            return contribution_of(target, model_of(i, kParameters));
        });
        peer.thread.start_exchange(group.order(peer));
    }
    REQUIRE(group.loop.run_until(
        [&] { return group.peers[0]->done.has_value() && group.peers[1]->done.has_value(); }));
    const auto took = std::chrono::steady_clock::now() - begin;
    // The last chunk goes out on credit.
    CHECK(took >= std::chrono::milliseconds(1500));
    CHECK(group.peers[0]->done->value->id == group.peers[1]->done->value->id);
    // The receiver of the last chunk may be done before its sender has counted it.
    for (const auto& peer : group.peers) {
        CHECK(group.loop.run_until(
            [&] { return peer->thread.counters().sent.averaging >= 2'000'000; }));
    }
}

TEST_CASE("a reference is pulled from another thread", "[exchange_thread]") {
    Group group(2, 1000);
    const auto first = initial_reference(1000);
    const auto next = protocol::make_next_reference(*first, Epoch(1), model_of(5, 1000));
    group.peers[0]->thread.set_reference(next);
    group.peers[1]->thread.pull(next->id, group.peers[0]->member.id);
    REQUIRE(group.loop.run_until([&] { return group.peers[1]->pulled != nullptr; }));
    CHECK(group.peers[1]->pulled->id == next->id);
    CHECK(group.peers[1]->pulled->values == next->values);
}

TEST_CASE("a target is frozen once, and nothing starts without it", "[exchange_thread]") {
    Group group(2, 10);
    Peer& peer = *group.peers[0];
    peer.thread.freeze(Epoch(1), [](Epoch) { return ContributionPointer{}; });
    peer.thread.start_exchange(group.order(peer));
    REQUIRE(group.loop.run_until([&] { return peer.frozen.size() == 1; }));
    CHECK(peer.frozen[0] == nullptr);
    std::atomic<int> asked = 0;
    const auto source = [&asked](Epoch target) {
        ++asked;
        return contribution_of(target, std::vector<float>(10, 2.0F));
    };
    peer.thread.freeze(Epoch(1), source);
    peer.thread.freeze(Epoch(1), source);
    REQUIRE(group.loop.run_until([&] { return peer.frozen.size() == 3; }));
    CHECK(asked == 1);
    CHECK(peer.frozen[1] == peer.frozen[2]);
    CHECK(peer.errors.empty());
}

TEST_CASE("a stopped exchange reports nothing, and takes no commands", "[exchange_thread]") {
    Group group(2, 10);
    Peer& peer = *group.peers[0];
    peer.thread.freeze(Epoch(1), [](Epoch) { return ContributionPointer{}; });
    peer.thread.stop();
    peer.thread.stop();
    peer.thread.abort_exchange();
    peer.thread.freeze(Epoch(2), [](Epoch) { return ContributionPointer{}; });
    group.loop.run_ready();
    CHECK(peer.frozen.empty());
}

TEST_CASE("an exchange thread whose port is in use does not start", "[exchange_thread]") {
    Group group(1, 10);
    const auto taken = parse_address(group.peers[0]->endpoint).value();
    auto bind = parse_bind("tcp://127.0.0.1:0", "").value();
    bind.bind.port = static_cast<std::uint16_t>(taken.port - 2);
    ExchangeThread thread(group.loop.io, make_zmq_context(),
                          {bind, protocol::NetworkId(1), group.peers[0]->member.id, shape_of(10),
                           std::make_shared<MessageSequence>(protocol::Incarnation(1))},
                          group.peers[0]->handlers());
    const auto started = thread.start();
    REQUIRE_FALSE(started);
    CHECK_THAT(started.error().message, Catch::Contains(taken.text()));
    thread.stop();
}

TEST_CASE("an exception on the exchange thread is told", "[exchange_thread]") {
    Group group(1, 10);
    Peer& peer = *group.peers[0];
    peer.thread.freeze(Epoch(1),
                       [](Epoch) -> ContributionPointer { throw std::runtime_error("no memory"); });
    REQUIRE(group.loop.run_until([&] { return !peer.errors.empty(); }));
    CHECK_THAT(peer.errors[0], Catch::Contains("no memory"));
}
