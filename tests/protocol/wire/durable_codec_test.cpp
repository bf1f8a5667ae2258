#include "protocol/wire/durable_codec.hpp"

#include <algorithm>

#include "protocol/base/limits.hpp"
#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol::wire {

namespace {

Promise sample_promise() {
    Promise promise{Incarnation(7), Incarnation(5), Epoch(12), Attempt(3), {}};
    for (std::size_t i = 0; i < limits::kRosterMembersMax; ++i) {
        promise.departed.push_back(PeerId::from_name("peer" + std::to_string(i)));
    }
    std::sort(promise.departed.begin(), promise.departed.end());
    return promise;
}

LocalHead sample_local() {
    return {Incarnation(7), {Epoch(3), {1, 2}}, 100, 12, Epoch(4), 10, 5, 2, 5, 3};
}

std::vector<HistoryEntry> sample_history() {
    std::vector<HistoryEntry> entries = {{{Epoch(4), {4, 0}}, peers({1, 2}), {}}};
    entries.push_back({{Epoch(5), {5, 0}}, peers({1, 2}), {}});
    entries.push_back({{Epoch(6), {6, 0}}, peers({1, 2, 3}), peers({3})});
    entries.push_back({{Epoch(9), {9, 0}}, peers({1, 2, 3}), {}});
    return entries;
}

/// Neither cut nor changed bytes do any harm; a record that decodes is a valid one.
template <class Decode>
void check_hostile(const Bytes& sound, const Decode& decode) {
    for (std::size_t size = 0; size < sound.size(); ++size) {
        REQUIRE_FALSE(decode(std::span(sound).first(size)).has_value());
    }
    Bytes longer = sound;
    longer.push_back({});
    REQUIRE_FALSE(decode(longer).has_value());
    RandomStream random(3, RandomPurpose::batches);
    for (int round = 0; round < 2000; ++round) {
        Bytes bytes = sound;
        for (int i = 0; i < 3; ++i)
            bytes[random() % bytes.size()] = static_cast<std::byte>(random());
        (void)decode(bytes);
    }
}

}  // namespace

TEST_CASE("values on disk come back as they were", "[durable_codec]") {
    CHECK(decode_promise(encode(sample_promise())) == sample_promise());
    CHECK(encode(sample_promise()).size() <= kPromiseBytesMax);
    CHECK(decode_promise(encode(Promise{})) == Promise{});
    const ReferenceHead head{Epoch(5), {{Attempt(2), 4}, {8, 9}, peers({1, 2, 3}), peers({3})}};
    CHECK(decode_reference_head(encode(head)) == head);
    CHECK(decode_local_head(encode(sample_local())) == sample_local());
    LocalHead nothing_frozen = sample_local();
    nothing_frozen.frozen_for.reset();
    CHECK(decode_local_head(encode(nothing_frozen)) == nothing_frozen);
    const NetworkFields fields = {{"model", "mlp"}, {"network", "robots"}};
    CHECK(decode_network_fields(encode(fields)) == fields);
    const KnownPeers known{{{PeerId::from_name("a"), "a:1"}, {PeerId::from_name("b"), "b:2"}}};
    CHECK(decode_known_peers(encode(known)) == known);
    CHECK(decode_history(encode(sample_history())) == sample_history());
    CHECK(decode_history(encode(std::span<const HistoryEntry>()))->empty());
}

TEST_CASE("a roster that stays the same is written once", "[durable_codec]") {
    auto entries = sample_history();
    const std::size_t before = encode(entries).size();
    entries.push_back({{Epoch(10), {10, 0}}, entries.back().roster, {}});
    CHECK(encode(entries).size() - before < 40);
}

TEST_CASE("no bytes on the disk harm the reader", "[durable_codec]") {
    check_hostile(encode(sample_promise()), decode_promise);
    check_hostile(encode(ReferenceHead{Epoch(5), {{Attempt(2), 4}, {8, 9}, peers({1, 2}), {}}}),
                  decode_reference_head);
    check_hostile(encode(sample_local()), decode_local_head);
    check_hostile(encode(NetworkFields{{"model", "mlp"}}), decode_network_fields);
    check_hostile(encode(KnownPeers{{{PeerId::from_name("a"), "a:1"}}}), decode_known_peers);
    check_hostile(encode(sample_history()), decode_history);
}

TEST_CASE("a life that none can follow is refused", "[durable_codec]") {
    Promise promise = sample_promise();
    promise.incarnation = Incarnation(0xFFFF'FFFE);
    CHECK(decode_promise(encode(promise)) == promise);
    promise.incarnation = promise.incarnation.next();
    const auto refused = decode_promise(encode(promise));
    REQUIRE_FALSE(refused);
    CHECK_THAT(refused.error().message, Catch::Matchers::Contains("no life can follow"));
}

TEST_CASE("a history whose epochs do not grow is refused", "[durable_codec]") {
    auto entries = sample_history();
    std::swap(entries[1], entries[2]);
    CHECK_FALSE(decode_history(encode(entries)).has_value());
    entries = sample_history();
    entries[1].reference.epoch = entries[0].reference.epoch;
    CHECK_FALSE(decode_history(encode(entries)).has_value());
}

}  // namespace dynavg::protocol::wire
