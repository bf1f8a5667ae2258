#include "protocol/base/limits.hpp"
#include "protocol/exchange/exchange.hpp"
#include "protocol/exchange/exchange_plan.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/exchange/exchange_network.hpp"

namespace dynavg::protocol::test {

namespace {

constexpr std::size_t kChunkValues = limits::kChunkBytes / sizeof(float);
/// 21 chunks with the direction and the threshold.
constexpr ReferenceShape kShape{10 * kChunkValues, 3, true};

ReferencePointer next_of(const ReferencePointer& reference, std::uint64_t seed) {
    return make_next_reference(*reference, reference->epoch.next(),
                               random_values(reference->values.size(), seed, 50));
}

void pull(ExchangeNetwork& network, std::size_t index, const ReferencePointer& wanted,
          std::size_t source) {
    network[index].worker.pull(wanted->id, network[source].member.id, network.now());
    network.collect(index);
}

int chunk_requests(const ExchangeActions& actions) {
    int chunks = 0;
    for (const BulkSend& bulk : actions.sends) {
        const auto* request = std::get_if<ChunkRequest>(&bulk.message);
        if (request != nullptr) chunks += static_cast<int>(request->count);
    }
    return chunks;
}

}  // namespace

TEST_CASE("a reference in force or prepared can be pulled", "[reference_pull]") {
    ExchangeNetwork network(kShape, 2, 1);
    const ReferencePointer wanted = next_of(network.reference(), 1);
    SECTION("in force") {
        network[1].worker.set_reference(wanted);
    }
    SECTION("prepared") {
        network[1].worker.set_prepared(wanted);
    }
    pull(network, 0, wanted, 1);
    network.run();
    REQUIRE(network[0].pulled != nullptr);
    CHECK(network[0].pulled->id == wanted->id);
    CHECK((network[0].pulled->values == wanted->values));
    CHECK(network[0].next_tick == kNever);
    CHECK(network[0].worker.counters().refused == 0);
}

TEST_CASE("a pull survives loss, repetition and reordering", "[reference_pull]") {
    const std::uint64_t seed = GENERATE(range(1, 13));
    CAPTURE(seed);
    const auto ms = [](int count) { return std::chrono::milliseconds(count); };
    ExchangeNetwork network(kShape, 2, seed, {0.3, 0.2, ms(1), ms(300)});
    const ReferencePointer wanted = next_of(network.reference(), seed);
    network[1].worker.set_reference(wanted);
    pull(network, 0, wanted, 1);
    network.run();
    REQUIRE(network[0].pulled != nullptr);
    CHECK(network[0].pulled->id == wanted->id);
}

TEST_CASE("a replaced contribution is not served any more", "[reference_pull]") {
    ExchangeNetwork network({1000, 0, true}, 2, 2);
    const ReferencePointer old = network.reference();
    network[1].worker.set_reference(next_of(old, 2));
    network[1].worker.set_prepared(nullptr);
    pull(network, 0, old, 1);
    network.run(std::chrono::seconds(10));
    CHECK(network[0].pulled == nullptr);
    CHECK(network[1].worker.counters().refused > 0);
    network[0].worker.abort_pull();
    network.collect(0);
    CHECK(network[0].next_tick == kNever);
}

TEST_CASE("wrong bytes fail the pull, and another source can be asked", "[reference_pull]") {
    ExchangeNetwork network(kShape, 3, 3);
    const ReferencePointer wanted = next_of(network.reference(), 3);
    network[2].worker.set_reference(wanted);
    Peer& puller = network[0];
    const PeerId liar = network[1].member.id;
    puller.worker.pull(wanted->id, liar, network.now());
    (void)puller.worker.take_actions();
    std::vector<std::byte> bytes = encode_reference(*wanted);
    bytes[bytes.size() / 2] ^= std::byte{1};
    const TransferId transfer{TransferKind::reference, wanted->id.digest, 0};
    for (std::uint32_t index = 0; index < chunk_count(bytes.size()); ++index) {
        const ByteRange range = chunk_range(bytes.size(), index);
        puller.worker.on_chunk(liar, {transfer, index, {}},
                               std::span(bytes).subspan(range.first, range.count), network.now());
    }
    const ExchangeActions actions = puller.worker.take_actions();
    CHECK(actions.pulled == nullptr);
    REQUIRE(actions.pull_failed.has_value());
    CHECK(actions.next_tick == kNever);

    pull(network, 0, wanted, 2);
    network.run();
    REQUIRE(puller.pulled != nullptr);
    CHECK(puller.pulled->id == wanted->id);
}

TEST_CASE("a new source brings only what is missing", "[reference_pull]") {
    ExchangeNetwork network(kShape, 3, 4);
    const ReferencePointer wanted = next_of(network.reference(), 4);
    network[2].worker.set_reference(wanted);
    Peer& puller = network[0];
    const PeerId first = network[1].member.id;
    const std::vector<std::byte> bytes = encode_reference(*wanted);
    const std::uint32_t chunks = chunk_count(bytes.size());
    const TransferId transfer{TransferKind::reference, wanted->id.digest, 0};
    puller.worker.pull(wanted->id, first, network.now());
    for (std::uint32_t index = 0; index < chunks - 1; ++index) {
        const ByteRange range = chunk_range(bytes.size(), index);
        puller.worker.on_chunk(first, {transfer, index, {}},
                               std::span(bytes).subspan(range.first, range.count), network.now());
        // Of a wrong size: not taken.
        puller.worker.on_chunk(first, {transfer, chunks - 1, {}}, {}, network.now());
    }
    // Nor is a chunk of another peer taken.
    const ByteRange last = chunk_range(bytes.size(), chunks - 1);
    const auto last_bytes = std::span(bytes).subspan(last.first, last.count);
    puller.worker.on_chunk(PeerId::from_name("stranger"), {transfer, chunks - 1, {}}, last_bytes,
                           network.now());
    CHECK(puller.worker.take_actions().progressed);
    puller.worker.pull(wanted->id, first, network.now());
    CHECK(chunk_requests(puller.worker.take_actions()) == 0);
    puller.worker.pull(wanted->id, network[2].member.id, network.now());
    const ExchangeActions actions = puller.worker.take_actions();
    CHECK(chunk_requests(actions) == 1);
    puller.worker.on_chunk(network[2].member.id, {transfer, chunks - 1, {}}, last_bytes,
                           network.now());
    CHECK(puller.worker.take_actions().pulled != nullptr);
}

TEST_CASE("an exchange and a pull go on side by side", "[reference_pull]") {
    ExchangeNetwork network({5000, 0, true}, 3, 5);
    const Roster roster = network.roster(2);
    const ReferencePointer wanted = next_of(network.reference(), 5);
    network[2].worker.set_prepared(wanted);
    network.contribute(0);
    network.contribute(1);
    network.start(0, roster);
    network.start(1, roster);
    pull(network, 0, wanted, 2);
    pull(network, 2, network.reference(), 0);
    network.run();
    CHECK(network.all_done(roster));
    REQUIRE(network[0].pulled != nullptr);
    REQUIRE(network[2].pulled != nullptr);
    CHECK(network[2].pulled->id == network.reference()->id);
}

}  // namespace dynavg::protocol::test
