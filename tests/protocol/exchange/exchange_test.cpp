#include "protocol/exchange/exchange.hpp"

#include "protocol/base/limits.hpp"
#include "protocol/exchange/exchange_plan.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/exchange/exchange_network.hpp"

namespace dynavg::protocol::test {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kChunkValues = limits::kChunkBytes / sizeof(float);
constexpr ReferenceShape kLeNet{61706, 0, true};

/// All members begin at once.
void start_all(ExchangeNetwork& network, const Roster& roster) {
    for (std::size_t i = 0; i < roster.size(); ++i) {
        network.contribute(i);
    }
    for (std::size_t i = 0; i < roster.size(); ++i) network.start(i, roster);
}

void require_agreement(ExchangeNetwork& network, const Roster& roster) {
    const ReferencePointer expected = network.expected(roster);
    for (std::size_t i = 0; i < network.size(); ++i) {
        Peer& peer = network[i];
        if (!contains(roster, peer.member)) continue;
        CAPTURE(i);
        REQUIRE(peer.unusable.empty());
        REQUIRE(peer.done.has_value());
        // Not as text: a model is long.
        REQUIRE((peer.done->value->values == expected->values));
        REQUIRE(peer.done->value->id == expected->id);
        REQUIRE(peer.done->certificate.roster == roster);
        REQUIRE(peer.done->certificate.facts.size() == roster.size());
        for (std::size_t j = 0; j < network.size(); ++j) {
            for (std::size_t place = 0; place < roster.size(); ++place) {
                if (roster[place] != network[j].member) continue;
                REQUIRE(peer.done->certificate.facts[place] == network[j].contribution->facts);
            }
        }
    }
}

}  // namespace

TEST_CASE("all members end with the bits of the plain mean", "[exchange]") {
    const std::size_t members = GENERATE(1, 2, 3, 5, 7);
    const ReferenceShape shape = GENERATE(
        ReferenceShape{0, 0, false}, ReferenceShape{1, 0, true}, ReferenceShape{5, 3, true}, kLeNet,
        ReferenceShape{5 * kChunkValues, 3 * kChunkValues + 17, true});
    CAPTURE(members, shape.parameters, shape.buffers);
    ExchangeNetwork network(shape, members, 42);
    const Roster roster = network.roster(members);
    start_all(network, roster);
    if (members == 1) CHECK(network[0].done.has_value());
    network.run();
    require_agreement(network, roster);
    for (std::size_t i = 0; i < members; ++i) {
        CHECK(network[i].worker.counters().refused == 0);
        CHECK(network[i].worker.counters().repetitions == 0);
        CHECK(static_cast<double>(network[i].bytes_sent) <= bytes_bound(shape.values(), members));
    }
}

TEST_CASE("a round of LeNet-5 takes one request and one chunk per pair and phase", "[exchange]") {
    for (std::size_t members = 2; members <= 10; ++members) {
        CAPTURE(members);
        ExchangeNetwork network(kLeNet, members, 3);
        const Roster roster = network.roster(members);
        start_all(network, roster);
        network.run();
        require_agreement(network, roster);
        for (std::size_t i = 0; i < members; ++i) {
            Peer& peer = network[i];
            const int others = static_cast<int>(members) - 1;
            CHECK(peer.messages_sent["chunk-request"] == 2 * others);
            CHECK(peer.messages_sent["chunk"] == 2 * others);
            CAPTURE(peer.bytes_sent, bytes_bound(kLeNet.values(), members));
            CHECK(static_cast<double>(peer.bytes_sent) <= bytes_bound(kLeNet.values(), members));
        }
    }
}

TEST_CASE("loss, repetition and reordering change nothing", "[exchange]") {
    const std::uint64_t seed = GENERATE(range(1, 25));
    const std::size_t members = 2 + seed % 6;
    CAPTURE(seed, members);
    const Conditions rough{0.25, 0.2, milliseconds(1), milliseconds(400)};
    const std::size_t values = seed % 3 == 0 ? 9 * kChunkValues + 5 : 1000 + seed;
    ExchangeNetwork network({values, 10, true}, members, seed, rough);
    const Roster roster = network.roster(members);
    start_all(network, roster);
    network.run();
    require_agreement(network, roster);
}

TEST_CASE("chunks are pipelined within a bound on memory", "[exchange]") {
    const std::size_t members = GENERATE(2, 4);
    CAPTURE(members);
    ExchangeNetwork network({24 * kChunkValues * members, 0, false}, members, 5,
                            {0, 0, milliseconds(10), milliseconds(10)});
    const Roster roster = network.roster(members);
    start_all(network, roster);
    const Instant begin = network.now();
    network.run();
    require_agreement(network, roster);
    const std::size_t bound = (members - 1) * limits::kChunksInFlightMax * limits::kChunkBytes;
    for (std::size_t i = 0; i < members; ++i) {
        CHECK(network[i].worker.counters().buffered_bytes_max <= bound);
        CHECK(network[i].worker.counters().buffered_bytes_max > 0);
    }
    // 24 chunks with 4 in flight are 6 round trips of 20 ms; one by one they would be 24.
    CHECK(network.now() - begin <= milliseconds(7 * 20));
}

TEST_CASE("nothing is copied to be sent", "[exchange]") {
    ExchangeNetwork network({1000, 0, false}, 2, 6);
    const Roster roster = network.roster(2);
    network.contribute(0);
    Peer& peer = network[0];
    peer.worker.start({exchange_key(roster, Attempt(1)), {}, roster, peer.member}, network.now());
    (void)peer.worker.take_actions();
    const TransferId transfer{TransferKind::contribution, exchange_key(roster, Attempt(1)).digest(),
                              1};
    peer.worker.on_chunk_request(roster[1].id, {transfer, 0, 1}, network.now());
    const ExchangeActions actions = peer.worker.take_actions();
    REQUIRE(actions.sends.size() == 1);
    CHECK(actions.sends[0].payload.data() ==
          reinterpret_cast<const std::byte*>(peer.contribution->values.data() + 500));
    CHECK(actions.sends[0].keep == peer.contribution);
}

TEST_CASE("members without steps do not weigh", "[exchange]") {
    ExchangeNetwork network({1000, 20, true}, 4, 7);
    const Roster roster = network.roster(4);
    const std::vector<float> weights{0.0F, 2.0F, 0.0F, 2.0F};
    for (std::size_t i = 0; i < 4; ++i) network.contribute(i, weights[i]);
    for (std::size_t i = 0; i < 4; ++i) network.start(i, roster);
    network.run();
    const ReferencePointer expected = network.expected(network.roster({1, 3}));
    for (std::size_t i = 0; i < 4; ++i) {
        REQUIRE(network[i].done.has_value());
        CHECK(network[i].done->value->id == expected->id);
        CHECK(network[i].done->certificate.facts[0].weight == 0);
    }
}

TEST_CASE("if no member has weight all count alike", "[exchange]") {
    ExchangeNetwork network({1000, 20, true}, 3, 8);
    const Roster roster = network.roster(3);
    for (std::size_t i = 0; i < 3; ++i) network.contribute(i, 0);
    for (std::size_t i = 0; i < 3; ++i) network.start(i, roster);
    network.run();
    require_agreement(network, roster);
}

TEST_CASE("a member that starts late finds the requests of the others", "[exchange]") {
    ExchangeNetwork network({3 * kChunkValues * 5, 0, true}, 3, 9);
    const Roster roster = network.roster(3);
    for (std::size_t i = 0; i < 3; ++i) network.contribute(i);
    network.start(0, roster);
    network.run(milliseconds(100));
    network.start(1, roster);
    network.run(milliseconds(300));
    CHECK_FALSE(network[0].done.has_value());
    network.start(2, roster);
    network.run(milliseconds(50));
    // Nobody had to repeat a request: early ones were kept.
    require_agreement(network, roster);
    for (std::size_t i = 0; i < 3; ++i) CHECK(network[i].worker.counters().repetitions == 0);
}

TEST_CASE("a smaller roster starts anew in the midst of an exchange", "[exchange]") {
    const std::uint64_t seed = GENERATE(range(1, 7));
    CAPTURE(seed);
    ExchangeNetwork network({40 * kChunkValues, 0, true}, 4, seed,
                            {0.1, 0.1, milliseconds(1), milliseconds(50)});
    const Roster first = network.roster(4);
    start_all(network, first);
    network.run(milliseconds(20 + 30 * seed));
    const Roster second = network.roster({0, 1, 3});
    network[2].worker.abort();
    network.collect(2);
    for (const std::size_t i : {0U, 1U, 3U}) {
        network.start(i, second, Attempt(2));
        network.run(milliseconds(30));
    }
    network.run();
    require_agreement(network, second);
    CHECK(network[0].done->key == exchange_key(second, Attempt(2)));
    CHECK_FALSE(network[2].done.has_value());
}

TEST_CASE("a member that is done goes on serving, also after the commit", "[exchange]") {
    ExchangeNetwork network({5000, 0, true}, 3, 10);
    const Roster roster = network.roster(3);
    start_all(network, roster);
    network.run();
    require_agreement(network, roster);
    // Peer 2 has lost everything and begins again.
    const ReferencePointer committed = network[0].done->value;
    network[0].worker.set_reference(committed);
    network.start(2, roster);
    CHECK_FALSE(network[2].done.has_value());
    network.run();
    require_agreement(network, roster);

    network[0].worker.set_reference(make_next_reference(*committed, Epoch(2), committed->values));
    network.start(2, roster);
    network.run(seconds(20));
    CHECK_FALSE(network[2].done.has_value());
}

TEST_CASE("a waiting worker says when it wants to be called, and a done one does not",
          "[exchange]") {
    ExchangeNetwork network({5000, 0, true}, 2, 11);
    const Roster roster = network.roster(2);
    network.contribute(0);
    network.contribute(1);
    CHECK(network[0].next_tick == kNever);
    network.start(0, roster);
    CHECK(network[0].next_tick == network.now() + limits::kChunkRetryInterval);
    network.start(1, roster);
    network.run();
    CHECK(network[0].next_tick == kNever);
    network.start(0, roster);
    network[0].worker.abort();
    network.collect(0);
    CHECK(network[0].next_tick == kNever);
}

TEST_CASE("the key tells target, roster, attempt and sets apart", "[exchange]") {
    const ExchangeKey key{{Epoch(1), {2, 3}}, Attempt(4), {5, 6}};
    ExchangeKey other = key;
    CHECK(other.digest() == key.digest());
    other.attempt = Attempt(5);
    CHECK(other.digest() != key.digest());
    other = key;
    other.round.target = Epoch(2);
    CHECK(other.digest() != key.digest());
    other = key;
    other.round.roster.low = 4;
    CHECK(other.digest() != key.digest());
    other = key;
    other.sets.low = 7;
    CHECK(other.digest() != key.digest());
}

}  // namespace dynavg::protocol::test
