#include "protocol/exchange/paced_sends.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t kBytes = 100'000;
const std::vector<std::byte> kPayload(kBytes);

BulkSend chunk(int to, std::uint32_t index, TransferKind kind = TransferKind::mean,
               std::size_t bytes = kBytes) {
    return {peer(to).id, Chunk{{kind, {}, 0}, index, {}}, std::span(kPayload).first(bytes),
            nullptr};
}

/// A sender that is asked for ever new chunks, and the number that each receiver got.
class Sender {
public:
    explicit Sender(std::uint64_t rate) { sends.set_rate(rate); }

    /// For so long, while each of these receivers always waits for more.
    void run(Duration duration, const std::vector<int>& receivers,
             TransferKind kind = TransferKind::mean) {
        const Instant end = now + duration;
        while (true) {
            for (const int to : receivers) {
                while (sends.put(chunk(to, next++, kind))) continue;
            }
            const Instant at = sends.next_tick(now);
            REQUIRE(at != kNever);
            if (at > end) break;
            now = at;
            const auto sent = sends.take(now);
            REQUIRE(sent);
            bytes += sent->payload.size();
            ++got[sent->to];
            const auto before = last.find(sent->to);
            if (before != last.end()) {
                longest[sent->to] = std::max(longest[sent->to], now - before->second);
            }
            last[sent->to] = now;
        }
        now = end;
    }

    PacedSends sends;
    Instant now{1h};
    std::uint32_t next = 0;
    std::uint64_t bytes = 0;
    std::map<PeerId, int> got;
    std::map<PeerId, Instant> last;
    std::map<PeerId, Duration> longest;
};

}  // namespace

TEST_CASE("over time no more goes out than the rate allows, and hardly less", "[paced_sends]") {
    for (const std::uint64_t rate : {200'000U, 1'000'000U, 50'000'000U}) {
        CAPTURE(rate);
        Sender sender(rate);
        sender.run(60s, {1, 2});
        const double seconds = static_cast<double>(sender.bytes) / static_cast<double>(rate);
        CHECK(seconds <= 60.6);
        CHECK(seconds >= 59);
    }
}

TEST_CASE("without a rate everything goes at once", "[paced_sends]") {
    PacedSends sends;
    for (std::uint32_t i = 0; i < 5; ++i) REQUIRE(sends.put(chunk(1, i)));
    for (std::uint32_t i = 0; i < 5; ++i) {
        CHECK(sends.next_tick(Instant{1h}) == Instant{1h});
        const auto sent = sends.take(Instant{1h});
        REQUIRE(sent);
        CHECK(std::get<Chunk>(sent->message).index == i);
    }
    CHECK_FALSE(sends.take(Instant{1h}));
    CHECK(sends.next_tick(Instant{1h}) == kNever);
}

TEST_CASE("a pause saves up no more than a tenth of a second", "[paced_sends]") {
    Sender sender(1'000'000);
    sender.run(1s, {1});
    sender.now += 1h;
    const std::uint64_t before = sender.bytes;
    sender.run(1s, {1});
    CHECK(sender.bytes - before <= 1'000'000 + 100'000 + kBytes);
}

TEST_CASE("receivers have their turns, and none starves", "[paced_sends]") {
    Sender sender(1'000'000);
    sender.run(30s, {1, 2, 3});
    for (const int to : {1, 2, 3}) {
        CHECK(sender.got[peer(to).id] >= 98);
        CHECK(sender.got[peer(to).id] <= 101);
    }
}

TEST_CASE("a rate that is too low gives way before others would take the peer for broken",
          "[paced_sends]") {
    std::vector<int> many;
    for (int i = 1; i <= 20; ++i) many.push_back(i);
    Sender exchange(1000);
    exchange.run(10min, many);
    for (const auto& [to, gap] : exchange.longest) {
        CHECK(exchange.got[to] > 100);
        CHECK(gap < limits::kStallTimeout);
    }
    Sender reference(1000);
    reference.run(1min, {1, 2, 3}, TransferKind::reference);
    CHECK(reference.got[peer(1).id] >= 58);
    CHECK(limits::kPacedReferenceInterval < limits::kPullTimeout);
    CHECK(limits::kPacedChunkInterval < limits::kStallTimeout);
}

TEST_CASE(
    "a chunk that is asked for again while it waits is sent once, and the waiting chunks are "
    "bounded",
    "[paced_sends]") {
    PacedSends sends;
    sends.set_rate(1000);
    CHECK(sends.put(chunk(1, 7)));
    CHECK_FALSE(sends.put(chunk(1, 7)));
    CHECK(sends.put(chunk(1, 7, TransferKind::contribution)));
    CHECK(sends.put(chunk(2, 7)));
    for (std::uint32_t i = 100; i < 200; ++i) (void)sends.put(chunk(1, i));
    CHECK(sends.waiting() == limits::kPacedChunksPerPeerMax + 1);
    sends.drop_peer(peer(1).id);
    CHECK(sends.waiting() == 1);
}

TEST_CASE("of an exchange that is over nothing is sent any more", "[paced_sends]") {
    PacedSends sends;
    sends.set_rate(1000);
    CHECK(sends.put(chunk(1, 1)));
    CHECK(sends.put(chunk(1, 1, TransferKind::contribution)));
    CHECK(sends.put(chunk(2, 1, TransferKind::reference)));
    sends.drop_exchange();
    CHECK(sends.waiting() == 1);
    const auto left = sends.take(Instant{1h});
    REQUIRE(left);
    CHECK(left->to == peer(2).id);
}

}  // namespace dynavg::protocol
