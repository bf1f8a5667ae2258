#include "protocol/reference/history.hpp"

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

ReferenceId reference(std::uint32_t epoch, std::uint64_t digest = 0) {
    return {Epoch(epoch), {epoch + 1000, digest}};
}

HistoryEntry entry(std::uint32_t epoch) {
    return {reference(epoch), peers({0, 1})};
}

History history_up_to(std::uint32_t epoch) {
    History history(reference(0));
    for (std::uint32_t i = 1; i <= epoch; ++i) history.add(entry(i));
    return history;
}

}  // namespace

TEST_CASE("a history begins with epoch 0, which has no roster", "[history]") {
    const History history(reference(0));
    CHECK(history.last() == HistoryEntry{reference(0), {}});
    CHECK(history.holds(reference(0)));
    CHECK_FALSE(history.holds(reference(0, 5)));
    CHECK_FALSE(history.holds(reference(1)));
    CHECK(history.find(Epoch(1)) == nullptr);
}

TEST_CASE("an entry that is not later than the last one is ignored", "[history]") {
    History history = history_up_to(3);
    history.add({reference(3, 9), {}});
    history.add({reference(2, 9), {}});
    CHECK(history.last() == entry(3));
    CHECK(history.holds(reference(2)));
    CHECK_FALSE(history.holds(reference(2, 9)));
    CHECK_FALSE(history.holds(reference(3, 9)));
}

TEST_CASE("epochs may be left out", "[history]") {
    History history = history_up_to(2);
    history.add(entry(7));
    CHECK(history.find(Epoch(5)) == nullptr);
    REQUIRE(history.find(Epoch(7)) != nullptr);
    CHECK(history.since(Epoch(2)) == std::vector{entry(2), entry(7)});
    CHECK(history.since(Epoch(3)) == std::vector{entry(7)});
    // They stay so: the past is not filled in later.
    history.add(entry(5));
    CHECK(history.find(Epoch(5)) == nullptr);
}

TEST_CASE("an answer begins with what was asked after and ends with the last", "[history]") {
    const History history = history_up_to(10);
    const auto told = history.since(Epoch(7));
    CHECK(told == std::vector{entry(7), entry(8), entry(9), entry(10)});
    CHECK(history.since(Epoch(10)) == std::vector{entry(10)});
    CHECK(history.since(Epoch(11)).empty());
}

TEST_CASE("where the limit of a message cuts, the rest is for the next page", "[history]") {
    constexpr auto kMost = limits::kHistoryEntriesPerMessageMax;
    const History history = history_up_to(100);
    const auto told = history.since(Epoch(0));
    REQUIRE(told.size() == kMost);
    CHECK(told.front().reference == reference(0));
    CHECK(told.back().reference == reference(kMost - 1));
    CHECK(history.since(told.back().reference.epoch).front() == told.back());
    CHECK(history.since(Epoch(100 + 1 - kMost)).size() == kMost);
}

TEST_CASE("another past replaces all that was remembered", "[history]") {
    History history = history_up_to(10);
    history.replace({entry(4), entry(12)});
    CHECK(history.last() == entry(12));
    CHECK(history.find(Epoch(0)) == nullptr);
    CHECK(history.between(Epoch(1), Epoch(11)) == std::vector{entry(4)});
}

TEST_CASE("the oldest entries are forgotten", "[history]") {
    const auto last = static_cast<std::uint32_t>(limits::kHistoryEpochsMax + 10);
    const History history = history_up_to(last);
    CHECK(history.find(Epoch(10)) == nullptr);
    CHECK(history.find(Epoch(11)) != nullptr);
    CHECK(history.last() == entry(last));
    CHECK(history.since(Epoch(0)).front().reference == reference(11));
}

}  // namespace dynavg::protocol
