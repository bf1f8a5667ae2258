#include "protocol/exchange/chunk_window.hpp"

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol {

namespace {

using Ranges = std::vector<ChunkWindow::Range>;
using std::chrono::milliseconds;

const Instant kStart = Instant{} + std::chrono::hours(1);

}  // namespace

TEST_CASE("a window asks for as much as the credit allows, and for one more per arrival",
          "[chunk_window]") {
    ChunkWindow window(10);
    CHECK(window.ask(10, kStart) == Ranges{{0, 4}});
    CHECK(window.ask(10, kStart).empty());
    window.arrived(2, kStart);
    CHECK_FALSE(window.waits_for(2));
    CHECK(window.ask(10, kStart) == Ranges{{4, 1}});
    window.arrived(0, kStart);
    window.arrived(1, kStart);
    CHECK(window.ask(6, kStart) == Ranges{{5, 1}});
    CHECK(window.ask(10, kStart) == Ranges{{6, 1}});
}

TEST_CASE("a window is complete when all chunks came", "[chunk_window]") {
    ChunkWindow window(5);
    CHECK(window.deadline() == kNever);
    for (std::uint32_t index = 0; index < 5; ++index) {
        CHECK_FALSE(window.complete());
        (void)window.ask(5, kStart);
        window.arrived(index, kStart);
    }
    CHECK(window.complete());
    CHECK(window.deadline() == kNever);
}

TEST_CASE("a chunk that does not come is asked for again, ever more rarely", "[chunk_window]") {
    ChunkWindow window(3);
    (void)window.ask(3, kStart);
    Instant now = window.deadline();
    CHECK(now == kStart + limits::kChunkRetryInterval);
    CHECK(window.ask(3, now - milliseconds(1)).empty());
    CHECK(window.ask(3, now) == Ranges{{0, 3}});
    CHECK(window.deadline() == now + 2 * limits::kChunkRetryInterval);
    window.arrived(1, now);
    for (int i = 0; i < 10; ++i) {
        now = window.deadline();
        CHECK(window.ask(3, now) == Ranges{{0, 1}, {2, 1}});
    }
    CHECK(window.deadline() == now + limits::kChunkRetryIntervalMax);
    CHECK(window.repetitions() == 3 + 20);
}

TEST_CASE("a slow link that delivers is not asked to repeat", "[chunk_window]") {
    ChunkWindow window(20);
    (void)window.ask(20, kStart);
    Instant now = kStart;
    for (std::uint32_t index = 0; index < 20; ++index) {
        now += milliseconds(400);
        CHECK(window.deadline() > now);
        window.arrived(index, now);
        (void)window.ask(20, now);
    }
    CHECK(window.complete());
    CHECK(window.repetitions() == 0);
}

TEST_CASE("the interval follows the link in both directions", "[chunk_window]") {
    ChunkWindow window(20);
    (void)window.ask(20, kStart);
    Instant now = kStart + milliseconds(490);
    window.arrived(0, now);
    (void)window.ask(20, now);
    CHECK(window.deadline() == now + milliseconds(980));
    now += milliseconds(900);
    window.arrived(1, now);
    CHECK(window.deadline() == now + milliseconds(2 * 1390));
    (void)window.ask(20, now);
    window.arrived(5, now + milliseconds(1));
    CHECK(window.deadline() <= now + milliseconds(1) + limits::kChunkRetryInterval);
}

TEST_CASE("a new source is asked for what the old one did not bring", "[chunk_window]") {
    ChunkWindow window(6);
    (void)window.ask(6, kStart);
    window.arrived(1, kStart);
    window.restart();
    CHECK(window.ask(6, kStart) == Ranges{{0, 1}, {2, 3}});
}

}  // namespace dynavg::protocol
