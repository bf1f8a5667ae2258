#include <cmath>
#include <limits>

#include "protocol/base/limits.hpp"
#include "protocol/core/settings.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/exchange/exchange_plan.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/exchange/exchange_network.hpp"

namespace dynavg::protocol::test {

namespace {

constexpr std::size_t kChunkValues = limits::kChunkBytes / sizeof(float);
constexpr std::size_t kValues = 3 * 10 * kChunkValues;

/// Three members; `spoil` changes the contribution of peer 2 before it is frozen.
template <class Spoil>
void require_blamed(std::size_t owner, Spoil spoil) {
    ExchangeNetwork network({kValues - 100, 100, true}, 3, 1);
    const Roster roster = network.roster(3);
    for (std::size_t i = 0; i < 3; ++i) network.contribute(i);
    Contribution spoilt = *network[2].contribution;
    spoil(spoilt);
    network.contribute(2, std::move(spoilt));
    for (std::size_t i = 0; i < 3; ++i) network.start(i, roster);
    network.run(std::chrono::seconds(5));
    REQUIRE(network[owner].unusable.size() == 1);
    CHECK(network[owner].unusable[0].first == roster[2]);
    CHECK_FALSE(network[owner].unusable[0].second.empty());
    // No owner of a spoilt shard gives a mean, so nobody has the whole.
    for (std::size_t i = 0; i < 3; ++i) CHECK_FALSE(network[i].done.has_value());
    // Stopped: nothing is waited for.
    CHECK(network[owner].next_tick == kNever);
}

/// A worker in an exchange of two, of which the test plays the other.
struct Duel {
    explicit Duel(std::size_t values)
        : network({values, 0, false}, 2, 2), roster(network.roster(2)) {
        network.contribute(0);
        network.contribute(1);
        Peer& peer = network[0];
        peer.worker.start({exchange_key(roster, Attempt(1)), {}, roster, peer.member},
                          network.now());
        (void)peer.worker.take_actions();
    }
    [[nodiscard]] TransferId transfer(TransferKind kind, std::uint32_t shard) const {
        return {kind, exchange_key(roster, Attempt(1)).digest(), shard};
    }
    /// The other's honest chunk of peer 0's shard.
    [[nodiscard]] std::span<const std::byte> contribution_bytes(std::uint32_t index) {
        const Shard shard = exchange_plan(network[1].contribution->values.size(), 2)[0];
        const ByteRange range = chunk_range(shard.count * sizeof(float), index);
        return std::as_bytes(
                   std::span(network[1].contribution->values).subspan(shard.first, shard.count))
            .subspan(range.first, range.count);
    }
    ExchangeActions give(TransferId id, std::uint32_t index, std::span<const std::byte> payload,
                         ContributionFacts facts, PeerId from) {
        network[0].worker.on_chunk(from, {id, index, facts}, payload, network.now());
        return network[0].worker.take_actions();
    }
    ExchangeActions give_contribution(std::uint32_t index, ContributionFacts facts) {
        return give(transfer(TransferKind::contribution, 0), index, contribution_bytes(index),
                    facts, roster[1].id);
    }
    ContributionFacts facts() { return network[1].contribution->facts; }

    ExchangeNetwork network;
    Roster roster;
};

}  // namespace

TEST_CASE("a contribution that is not finite names its sender", "[exchange]") {
    const float bad =
        GENERATE(std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity());
    SECTION("in the first shard") {
        require_blamed(0, [bad](Contribution& spoilt) { spoilt.values[0] = bad; });
    }
    SECTION("at the end of the second shard") {
        require_blamed(1,
                       [bad](Contribution& spoilt) { spoilt.values[kValues / 3 * 2 - 1] = bad; });
    }
    SECTION("in its own shard, which it sees itself") {
        require_blamed(2, [bad](Contribution& spoilt) { spoilt.values[kValues - 1] = bad; });
    }
}

TEST_CASE("a drift beyond its announced norm names its sender", "[exchange]") {
    require_blamed(1, [](Contribution& spoilt) { spoilt.facts.squared_norm *= 0.1F; });
    // Buffers are no part of the drift: the norm does not depend on them.
    ExchangeNetwork network({10, 1000, false}, 2, 3);
    const Roster roster = network.roster(2);
    for (std::size_t i = 0; i < 2; ++i) {
        network.contribute(i);
        Contribution contribution = *network[i].contribution;
        for (std::size_t j = 10; j < contribution.values.size(); ++j) contribution.values[j] = 1e6F;
        network.contribute(i, std::move(contribution));
    }
    for (std::size_t i = 0; i < 2; ++i) network.start(i, roster);
    network.run();
    CHECK(network.all_done(roster));
}

TEST_CASE("impossible facts name their sender", "[exchange]") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const float infinity = std::numeric_limits<float>::infinity();
    for (const float bad : {nan, infinity, -1.0F}) {
        CAPTURE(bad);
        require_blamed(0, [bad](Contribution& spoilt) { spoilt.facts.weight = bad; });
        require_blamed(1, [bad](Contribution& spoilt) { spoilt.facts.squared_norm = bad; });
    }
}

TEST_CASE("finite values whose mean overflows name the largest", "[exchange]") {
    constexpr float kHuge = 3e38F;
    ExchangeNetwork network({2, 2, false}, 2, 4);
    const Roster roster = network.roster(2);
    for (std::size_t i = 0; i < 2; ++i) {
        network.contribute(i);
        Contribution contribution = *network[i].contribution;
        // Buffers, where no norm bounds them.
        contribution.values[2] = i == 1 ? kHuge : 2e38F;
        network.contribute(i, std::move(contribution));
    }
    for (std::size_t i = 0; i < 2; ++i) network.start(i, roster);
    network.run(std::chrono::seconds(5));
    REQUIRE(network[1].unusable.size() == 1);
    CHECK(network[1].unusable[0].first == roster[1]);
}

TEST_CASE("in a merge a model that is far larger than one's own names its sender", "[exchange]") {
    // Peer 2 has values of this size: parameters, or buffers behind them.
    const auto merge = [](float size, std::size_t first, std::size_t last) {
        auto network = std::make_unique<ExchangeNetwork>(ReferenceShape{60, 30, false}, 3, 4);
        const Roster roster = network->roster(3);
        for (std::size_t i = 0; i < 3; ++i) network->contribute(i);
        Contribution other = *(*network)[2].contribution;
        std::fill(other.values.begin() + static_cast<std::ptrdiff_t>(first),
                  other.values.begin() + static_cast<std::ptrdiff_t>(last), size);
        // Its norm counts for nothing: its drift is from a reference of its own.
        other.facts.squared_norm = 0;
        network->contribute(2, std::move(other));
        for (std::size_t i = 0; i < 3; ++i) {
            network->start(i, roster, Attempt(1), network->reference());
        }
        network->run(std::chrono::seconds(5));
        return network;
    };
    const auto far = merge(1e4F, 0, 60);
    for (const std::size_t owner : {0U, 1U}) {
        REQUIRE((*far)[owner].unusable.size() == 1);
        CHECK((*far)[owner].unusable[0].first == far->roster(3)[2]);
        CHECK_FALSE((*far)[owner].done.has_value());
    }
    // Nor does it blame the others for being small.
    CHECK((*far)[2].unusable.empty());
    const auto near = merge(500, 0, 60);
    CHECK(near->all_done(near->roster(3)));
    const auto large_buffers = merge(1e6F, 60, 90);
    CHECK(large_buffers->all_done(large_buffers->roster(3)));
}

TEST_CASE("a weight that no number of samples gives names its sender", "[exchange]") {
    require_blamed(0, [](Contribution& spoilt) { spoilt.facts.weight = 2 * limits::kWeightMax; });
}

TEST_CASE("where all peers count alike, a peer that counts itself twice is named", "[exchange]") {
    AveragingSettings settings;
    CHECK(outer_rules(settings).weight_max == 1);
    settings.weights = WeightRule::samples;
    CHECK(outer_rules(settings).weight_max == limits::kWeightMax);
    ExchangeNetwork network({10, 0, false}, 3, 4, {}, outer_rules({}));
    const Roster roster = network.roster(3);
    for (std::size_t i = 0; i < 3; ++i) network.contribute(i, i == 2 ? 2.0F : 1.0F);
    for (std::size_t i = 0; i < 3; ++i) network.start(i, roster);
    network.run(std::chrono::seconds(5));
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE(network[i].unusable.size() == 1);
        CHECK(network[i].unusable[0].first == roster[2]);
    }
}

TEST_CASE("facts that change from chunk to chunk name their sender", "[exchange]") {
    Duel duel(2 * 3 * kChunkValues);
    CHECK(duel.give_contribution(0, duel.facts()).unusable.empty());
    ContributionFacts other = duel.facts();
    other.weight = 2;
    const ExchangeActions actions = duel.give_contribution(1, other);
    REQUIRE(actions.unusable.size() == 1);
    CHECK(actions.unusable[0].first == duel.roster[1]);
    CHECK_FALSE(actions.done.has_value());
}

TEST_CASE("an owner whose mean is not finite is named", "[exchange]") {
    Duel duel(100);
    std::vector<float> mean(50, 0.0F);
    mean[49] = std::nanf("");
    const ExchangeActions actions =
        duel.give(duel.transfer(TransferKind::mean, 1), 0, std::as_bytes(std::span(mean)), {},
                  duel.roster[1].id);
    REQUIRE(actions.unusable.size() == 1);
    CHECK(actions.unusable[0].first == duel.roster[1]);
}

TEST_CASE("chunks of a wrong size, place, key or sender are ignored", "[exchange]") {
    Duel duel(2 * 3 * kChunkValues);
    const TransferId right = duel.transfer(TransferKind::contribution, 0);
    const PeerId other = duel.roster[1].id;
    const PeerId stranger = PeerId::from_name("stranger");
    const auto bytes = duel.contribution_bytes(0);
    std::vector<std::byte> longer(bytes.begin(), bytes.end());
    longer.resize(bytes.size() + 4);
    TransferId wrong_key = right;
    wrong_key.key.low ^= 1;
    const std::vector<ExchangeActions> all = [&] {
        std::vector<ExchangeActions> actions;
        actions.push_back(duel.give(right, 0, bytes.first(bytes.size() - 4), duel.facts(), other));
        actions.push_back(duel.give(right, 0, {}, duel.facts(), other));
        actions.push_back(duel.give(right, 0, longer, duel.facts(), other));
        actions.push_back(duel.give(right, 3, bytes, duel.facts(), other));
        actions.push_back(duel.give(right, 0xFFFFFFFF, bytes, duel.facts(), other));
        actions.push_back(duel.give(right, 0, bytes, duel.facts(), stranger));
        actions.push_back(duel.give(right, 0, bytes, duel.facts(), duel.roster[0].id));
        actions.push_back(duel.give(wrong_key, 0, bytes, duel.facts(), other));
        for (const TransferKind kind : {TransferKind::contribution, TransferKind::mean}) {
            actions.push_back(duel.give(duel.transfer(kind, 7), 0, bytes, {}, other));
        }
        actions.push_back(
            duel.give(duel.transfer(TransferKind::contribution, 1), 0, bytes, {}, other));
        actions.push_back(
            duel.give(duel.transfer(TransferKind::reference, 0), 0, bytes, {}, other));
        return actions;
    }();
    for (const ExchangeActions& actions : all) {
        CHECK(actions.sends.empty());
        CHECK(actions.unusable.empty());
        CHECK_FALSE(actions.progressed);
    }
    CHECK(duel.network[0].worker.counters().refused == all.size());
    CHECK(duel.give(right, 0, bytes, duel.facts(), other).progressed);
    CHECK_FALSE(duel.give(right, 0, bytes, duel.facts(), other).progressed);
}

TEST_CASE("only members are served, and only what is theirs to ask for", "[exchange]") {
    Duel duel(2 * 6 * kChunkValues);
    ExchangeWorker& worker = duel.network[0].worker;
    const PeerId other = duel.roster[1].id;
    const auto answers = [&](PeerId from, TransferId id, std::uint32_t first, std::uint32_t count) {
        worker.on_chunk_request(from, {id, first, count}, duel.network.now());
        return worker.take_actions().sends.size();
    };
    const TransferId theirs = duel.transfer(TransferKind::contribution, 1);
    CHECK(answers(PeerId::from_name("stranger"), theirs, 0, 1) == 0);
    CHECK(answers(other, duel.transfer(TransferKind::contribution, 0), 0, 1) == 0);
    CHECK(answers(other, duel.transfer(TransferKind::mean, 1), 0, 1) == 0);
    CHECK(answers(other, duel.transfer(TransferKind::contribution, 9), 0, 1) == 0);
    CHECK(answers(other, theirs, 6, 1) == 0);
    CHECK(answers(other, theirs, 0xFFFFFFFF, 0xFFFFFFFF) == 0);
    CHECK(answers(other, theirs, 4, 4) == 2);
    CHECK(answers(other, theirs, 0, 0xFFFFFFFF) == limits::kChunksInFlightMax);
}

TEST_CASE("a mean asked for early and often is given once, when it is there", "[exchange]") {
    Duel duel(2 * 6 * kChunkValues);
    const TransferId mean = duel.transfer(TransferKind::mean, 0);
    ExchangeWorker& worker = duel.network[0].worker;
    worker.on_chunk_request(duel.roster[1].id, {mean, 0, 4}, duel.network.now());
    for (int i = 0; i < 20; ++i) {
        worker.on_chunk_request(duel.roster[1].id, {mean, 0, 2}, duel.network.now());
    }
    CHECK(worker.take_actions().sends.empty());
    for (const std::uint32_t index : {0U, 1U, 2U, 3U}) {
        CAPTURE(index);
        const ExchangeActions actions = duel.give_contribution(index, duel.facts());
        std::vector<std::uint32_t> given;
        for (const BulkSend& bulk : actions.sends) {
            const auto* chunk = std::get_if<Chunk>(&bulk.message);
            if (chunk != nullptr && chunk->transfer == mean) given.push_back(chunk->index);
        }
        CHECK(given == std::vector<std::uint32_t>{index});
    }
}

TEST_CASE("of early requests the latest are kept, so many per peer", "[exchange]") {
    ExchangeNetwork network({2 * 40 * kChunkValues, 0, false}, 2, 5);
    const Roster roster = network.roster(2);
    network.contribute(0);
    Peer& peer = network[0];
    const TransferId transfer{TransferKind::contribution, exchange_key(roster, Attempt(1)).digest(),
                              1};
    for (std::uint32_t first = 0; first < 30; ++first) {
        peer.worker.on_chunk_request(roster[1].id, {transfer, first, 1}, network.now());
    }
    peer.worker.start({exchange_key(roster, Attempt(1)), {}, roster, peer.member}, network.now());
    std::vector<std::uint32_t> served;
    for (const BulkSend& bulk : peer.worker.take_actions().sends) {
        if (const auto* chunk = std::get_if<Chunk>(&bulk.message)) served.push_back(chunk->index);
    }
    CHECK(served.size() == limits::kPendingRequestsPerPeerMax);
    CHECK(served.back() == 29);
}

TEST_CASE("noise from all sides does not disturb an exchange", "[exchange]") {
    const std::uint64_t seed = GENERATE(range(1, 11));
    CAPTURE(seed);
    ExchangeNetwork network({5 * kChunkValues, 7, true}, 3, seed);
    const Roster roster = network.roster(3);
    for (std::size_t i = 0; i < 3; ++i) network.contribute(i);
    for (std::size_t i = 0; i < 3; ++i) network.start(i, roster);
    RandomStream random(seed, RandomPurpose::test, 99);
    const std::vector<std::byte> noise(limits::kChunkBytes + 1, std::byte{0xAA});
    for (int i = 0; i < 3000; ++i) {
        const std::size_t to = random.below(3);
        const bool stranger = random.below(2) == 0;
        const PeerId from = stranger ? PeerId::from_name("stranger") : roster[random.below(3)].id;
        const TransferId id{static_cast<TransferKind>(1 + random.below(3)),
                            random.below(4) == 0 ? Digest{random(), random()}
                                                 : exchange_key(roster, Attempt(1)).digest(),
                            static_cast<std::uint32_t>(random.below(5))};
        const auto index = static_cast<std::uint32_t>(random.below(4));
        if (random.below(2) == 0) {
            const auto count = random.below(3) == 0 ? random() : random() % 6;
            network[to].worker.on_chunk_request(from, {id, index, count}, network.now());
        } else {
            // A size that no chunk has.
            const std::size_t size = 4 * random.below(noise.size() / 4) + 1;
            network[to].worker.on_chunk(from, {id, index, {}}, std::span(noise).first(size),
                                        network.now());
        }
        if (i % 10 == 0) network.run(std::chrono::microseconds(100));
        network.collect(to);
    }
    network.run();
    const ReferencePointer expected = network.expected(roster);
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE(network[i].done.has_value());
        CHECK(network[i].done->value->id == expected->id);
    }
}

}  // namespace dynavg::protocol::test
