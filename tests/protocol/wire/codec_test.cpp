#include "protocol/wire/codec.hpp"

#include <cmath>
#include <cstring>
#include <limits>
#include <set>
#include <variant>

#include "protocol/base/limits.hpp"
#include "protocol/base/random.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/allocation_counter.hpp"
#include "tests/protocol/wire/sample_messages.hpp"

namespace dynavg::protocol::wire {

namespace {

constexpr std::size_t kKindAt = 2;
constexpr std::size_t kHeaderSize = 31;

/// A message that is accepted has one encoding only, and decoding costs memory in proportion.
void require_refused_or_canonical(const Bytes& bytes) {
    const std::size_t before = test::allocated_bytes();
    const auto decoded = decode(bytes);
    const std::size_t used = test::allocated_bytes() - before;
    REQUIRE(used <= 24 * bytes.size() + 16384);
    if (!decoded) {
        REQUIRE_FALSE(decoded.error().message.empty());
    } else {
        REQUIRE(encode(decoded->header, decoded->message) == bytes);
    }
}

RoundState largest_round_state() {
    RoundState state = sample_round_state();
    state.sets.candidates = sample_roster(limits::kRosterMembersMax);
    state.sets.excluded = state.sets.candidates;
    state.prepared->roster = state.sets.candidates;
    const Roster& all = state.sets.candidates;
    state.sets.accusations.clear();
    for (std::size_t i = 0; i < limits::kAccusationsMax; ++i) {
        state.sets.accusations.push_back({all[i / 4], all[i % 4]});
    }
    return state;
}

HistoryReply largest_history() {
    HistoryReply history;
    for (std::uint32_t i = 0; i < limits::kHistoryEntriesPerMessageMax; ++i) {
        history.entries.push_back({{Epoch(i), {i, i}}, sample_roster(limits::kRosterMembersMax)});
    }
    return history;
}

}  // namespace

TEST_CASE("every message comes back as it was", "[codec]") {
    for (const Message& message : sample_messages()) {
        INFO(name_of(message));
        const Bytes bytes = encode(sample_header(), message);
        const auto decoded = decode(bytes);
        REQUIRE(decoded.has_value());
        CHECK(decoded->version == kProtocolVersionMax);
        CHECK(decoded->header == sample_header());
        CHECK(decoded->message == message);
    }
}

TEST_CASE("the largest sets fit into a control message", "[codec]") {
    for (const Message& message : {Message(largest_round_state()), Message(largest_history())}) {
        INFO(name_of(message));
        const Bytes bytes = encode(sample_header(), message);
        CHECK(bytes.size() <= limits::kControlMessageBytesMax);
        const auto decoded = decode(bytes);
        REQUIRE(decoded.has_value());
        CHECK(decoded->message == message);
    }
}

TEST_CASE("messages are as small as promised", "[codec]") {
    const auto size = [](const Message& message) {
        return encode(sample_header(), message).size();
    };
    CHECK(size(Goodbye{}) == kHeaderSize);
    CHECK(size(StateMessage{1, {2.0F, {3.0F}}}) == 43);
    CHECK(size(StateMessage{1, {2.0F, {3.0F}}}) <= 48);
    CHECK(size(StateMessage{1, {2.0F, std::vector<float>(1280)}}) == 39 + 4 * 1280);
    CHECK(size(ChunkRequest{{TransferKind::mean, {}, 0}, 0, 1}) == 60);
    CHECK(size(Chunk{}) == 73);
    CHECK(size(Chunk{{}, 0, {1, 1, 1, ThresholdSetting{}}}) == 89);
    CHECK(size(Chunk{}) <= limits::kBulkHeaderBytesMax);
}

TEST_CASE("numbers are little-endian at known places", "[codec]") {
    const Bytes bytes = encode(sample_header(), StateMessage{0x0a0b0c0d, {1.0F, {}}});
    const std::vector<int> expected{1,    3,    2,    0xef, 0xbe, 0xad, 0xde, 4,    3,    2,
                                    1,    0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11, 77,
                                    0,    0,    0,    0,    0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa,
                                    0x99, 0x0d, 0x0c, 0x0b, 0x0a, 0,    0,    0x80, 0x3f};
    REQUIRE(bytes.size() == expected.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        CAPTURE(i);
        CHECK(std::to_integer<int>(bytes[i]) == expected[i]);
    }
}

TEST_CASE("a state with NaN is readable, evidence with NaN is not", "[codec]") {
    const float nan = std::nanf("");
    const auto state = decode(encode(sample_header(), StateMessage{1, {nan, {nan}}}));
    REQUIRE(state.has_value());
    CHECK(std::isnan(std::get<StateMessage>(state->message).state.values.at(0)));
    RoundState round = sample_round_state();
    CHECK(decode(encode(sample_header(), round)).has_value());
    round.evidence.estimate = std::nan("");
    CHECK_FALSE(decode(encode(sample_header(), round)).has_value());
}

TEST_CASE("no message can be cut or prolonged", "[codec]") {
    for (const Message& message : sample_messages()) {
        INFO(name_of(message));
        const Bytes whole = encode(sample_header(), message);
        const bool is_state = std::holds_alternative<StateMessage>(message);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CAPTURE(size);
            const auto decoded = decode(std::span(whole).first(size));
            // A state ends where it ends: how many values it must have is the monitor's matter.
            const bool readable = is_state && size >= kHeaderSize + 8 && (size - 39) % 4 == 0;
            REQUIRE(decoded.has_value() == readable);
        }
        Bytes longer = whole;
        longer.push_back(std::byte{0});
        CHECK_FALSE(decode(longer).has_value());
    }
}

TEST_CASE("a flipped bit is refused or means another message", "[codec]") {
    for (const Message& message : sample_messages()) {
        INFO(name_of(message));
        Bytes bytes = encode(sample_header(), message);
        for (std::size_t bit = 0; bit < 8 * std::min<std::size_t>(bytes.size(), 600); ++bit) {
            CAPTURE(bit);
            const std::byte mask = std::byte{1} << (bit % 8);
            bytes[bit / 8] ^= mask;
            require_refused_or_canonical(bytes);
            bytes[bit / 8] ^= mask;
        }
    }
}

TEST_CASE("random bytes are refused or read, never more", "[codec]") {
    const auto seed = GENERATE(1U, 2U, 3U);
    CAPTURE(seed);
    RandomStream random(seed, RandomPurpose::test);
    const auto samples = sample_messages();
    std::set<std::size_t> kinds;
    for (int run = 0; run < 20000; ++run) {
        CAPTURE(run);
        Bytes bytes(random.below(300));
        for (std::byte& byte : bytes) byte = static_cast<std::byte>(random());
        // Most runs get past the first checks; half begin like a real message.
        if (bytes.size() > kKindAt && run % 8 != 0) {
            bytes[0] = std::byte{1};
            bytes[1] = std::byte{1};
            const std::size_t kind = 1 + random.below(std::variant_size_v<Message>);
            kinds.insert(kind);
            bytes[kKindAt] = static_cast<std::byte>(kind);
        }
        if (run % 2 == 0) {
            const Bytes real = encode(sample_header(), samples[random.below(samples.size())]);
            const std::size_t kept = std::min<std::size_t>(random.below(real.size()), bytes.size());
            std::copy_n(real.begin(), kept, bytes.begin());
        }
        require_refused_or_canonical(bytes);
    }
    for (const Message& message : samples) {
        INFO(name_of(message));
        CHECK(kinds.contains(std::to_integer<std::size_t>(encode({}, message).at(kKindAt))));
    }
}

TEST_CASE("there is a sample of every kind of message", "[codec]") {
    std::set<std::size_t> kinds;
    for (const Message& message : sample_messages()) kinds.insert(message.index());
    CHECK(kinds.size() == std::variant_size_v<Message>);
}

TEST_CASE("a lying count costs no memory", "[codec]") {
    for (const Message& message : sample_messages()) {
        INFO(name_of(message));
        const Bytes whole = encode(sample_header(), message);
        for (std::size_t at = kHeaderSize; at + 2 <= whole.size() && at < 600; ++at) {
            CAPTURE(at);
            for (const std::uint16_t count : {std::uint16_t{0xFFFF}, std::uint16_t{1024},
                                              std::uint16_t{256}, std::uint16_t{64}}) {
                Bytes lying = whole;
                std::memcpy(lying.data() + at, &count, sizeof count);
                require_refused_or_canonical(lying);
            }
        }
    }
}

TEST_CASE("a count above its limit is refused even if all of it is there", "[codec]") {
    PeersReply reply;
    for (std::size_t i = 0; i < limits::kPeersPerMessageMax; ++i) {
        reply.peers.push_back({sample_member(static_cast<int>(i)).id, ""});
    }
    Bytes bytes = encode(sample_header(), reply);
    REQUIRE(decode(bytes).has_value());
    const auto count = static_cast<std::uint16_t>(limits::kPeersPerMessageMax + 1);
    std::memcpy(bytes.data() + kHeaderSize, &count, sizeof count);
    bytes.resize(bytes.size() + 32 + 2);
    CHECK_FALSE(decode(bytes).has_value());

    reply.peers = {{sample_member(0).id, std::string(limits::kTextBytesMax, 'x')}};
    bytes = encode(sample_header(), reply);
    REQUIRE(decode(bytes).has_value());
    const auto length = static_cast<std::uint16_t>(limits::kTextBytesMax + 1);
    std::memcpy(bytes.data() + kHeaderSize + 2 + 32, &length, sizeof length);
    bytes.push_back(std::byte{'x'});
    CHECK_FALSE(decode(bytes).has_value());
}

TEST_CASE("a text that would spoil a log line is refused", "[codec]") {
    Hello hello = sample_hello();
    REQUIRE(decode(encode(sample_header(), hello)).has_value());
    hello.name = "a\nb";
    CHECK_FALSE(decode(encode(sample_header(), hello)).has_value());
}

TEST_CASE("the edge says what it refuses", "[codec]") {
    const auto error_of = [](const Bytes& bytes) {
        const auto decoded = decode(bytes);
        return decoded ? std::string("none") : decoded.error().message;
    };
    using Catch::Matchers::Contains;
    Bytes bytes = encode(sample_header(), sample_round_state());
    CHECK_THAT(error_of({}), Contains("empty"));
    Bytes changed = bytes;
    changed[0] = std::byte{0};
    CHECK_THAT(error_of(changed), Contains("byte order"));
    changed = bytes;
    changed[1] = std::byte{9};
    CHECK_THAT(error_of(changed), Contains("version 9"));
    changed = bytes;
    changed[kKindAt] = std::byte{200};
    CHECK_THAT(error_of(changed), Contains("kind 200"));
    changed = bytes;
    changed.resize(limits::kControlMessageBytesMax + 1);
    CHECK_THAT(error_of(changed), Contains("more than"));
}

TEST_CASE("sets must be sorted and without repetition", "[codec]") {
    const RoundState state = sample_round_state();
    Bytes bytes = encode(sample_header(), state);
    // target, attempt, reference, evidence, count: then the candidates.
    const std::size_t first = kHeaderSize + 4 + 4 + 20 + (1 + 8 + 8 + 4 + 4 + 8) + 2;
    constexpr std::size_t kMember = 40;
    REQUIRE(decode(bytes).has_value());
    Bytes repeated = bytes;
    std::copy_n(bytes.begin() + first, kMember, repeated.begin() + first + kMember);
    CHECK_FALSE(decode(repeated).has_value());
    Bytes swapped = bytes;
    std::swap_ranges(swapped.begin() + first, swapped.begin() + first + kMember,
                     swapped.begin() + first + kMember);
    CHECK_FALSE(decode(swapped).has_value());
}

TEST_CASE("a request for no chunk or beyond the credit is refused", "[codec]") {
    const Bytes bytes = encode(sample_header(), ChunkRequest{{}, 0, limits::kChunksInFlightMax});
    REQUIRE(decode(bytes).has_value());
    for (const std::uint32_t count : {0U, limits::kChunksInFlightMax + 1, 0xFFFFFFFFU}) {
        CAPTURE(count);
        Bytes changed = bytes;
        std::memcpy(changed.data() + changed.size() - sizeof count, &count, sizeof count);
        CHECK_FALSE(decode(changed).has_value());
    }
}

TEST_CASE("the digest of a round state covers its content", "[codec]") {
    const RoundState state = sample_round_state();
    CHECK(digest_of(state) == digest_of(sample_round_state()));
    RoundState other = state;
    other.sets.excluded.clear();
    CHECK(digest_of(other) != digest_of(state));
    other = state;
    other.prepared.reset();
    CHECK(digest_of(other) != digest_of(state));
    other = state;
    other.attempt = other.attempt.next();
    CHECK(digest_of(other) != digest_of(state));
}

}  // namespace dynavg::protocol::wire
