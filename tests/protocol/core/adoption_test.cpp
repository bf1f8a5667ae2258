#include "protocol/core/adoption.hpp"

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"
#include "tests/protocol/peers.hpp"

namespace dynavg::protocol {

namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{1h};

ReferenceId reference(std::uint32_t epoch) {
    return {Epoch(epoch), {7, epoch}};
}

/// The epochs first to last, both included.
std::vector<HistoryEntry> entries(std::uint32_t first, std::uint32_t last) {
    std::vector<HistoryEntry> entries;
    for (std::uint32_t epoch = first; epoch <= last; ++epoch) {
        entries.push_back({reference(epoch), peers({1, 2}), {}});
    }
    return entries;
}

/// Peer 0 at reference 2 pulls from peer 1.
struct Pulling {
    explicit Pulling(std::uint32_t wanted) {
        const auto request =
            adoption.pull(reference(wanted), peer(1).id, Past::common, Epoch(2), kNow);
        CHECK(request.after == Epoch(2));
    }
    PageOutcome page(const std::vector<HistoryEntry>& page, Instant now = kNow) {
        return adoption.on_page(page, reference(2), now);
    }
    Adoption adoption;
};

}  // namespace

TEST_CASE("a history is believed if its epochs grow and have rosters", "[adoption]") {
    CHECK(is_consistent(entries(2, 5)));
    CHECK_FALSE(is_consistent({}));
    auto wrong = entries(2, 5);
    std::swap(wrong[1], wrong[2]);
    CHECK_FALSE(is_consistent(wrong));
    wrong = entries(2, 5);
    wrong[3].roster.clear();
    CHECK_FALSE(is_consistent(wrong));
    CHECK(is_consistent({{reference(0), {}, {}}}));
}

TEST_CASE("a pull learns the history, then fetches the newest reference in it", "[adoption]") {
    Pulling pulling(4);
    CHECK(pulling.adoption.awaits_history_of(peer(1).id));
    CHECK_FALSE(pulling.adoption.awaits_history_of(peer(2).id));
    CHECK_FALSE(pulling.adoption.on_pulled(reference(4)));
    const PageOutcome outcome = pulling.page(entries(2, 5));
    REQUIRE(std::holds_alternative<PullOrder>(outcome));
    CHECK(std::get<PullOrder>(outcome).wanted == reference(5));
    CHECK(std::get<PullOrder>(outcome).source == peer(1).id);
    CHECK_FALSE(pulling.adoption.awaits_history_of(peer(1).id));
    CHECK_FALSE(pulling.adoption.on_pulled(reference(4)));
    const auto adopted = pulling.adoption.on_pulled(reference(5));
    REQUIRE(adopted);
    CHECK(adopted->past == Past::common);
    CHECK(adopted->entries == entries(2, 5));
    pulling.adoption.on_reference();
    CHECK_FALSE(pulling.adoption.is_pulling());
}

TEST_CASE("a long history comes page by page without a gap", "[adoption]") {
    const auto page_size = static_cast<std::uint32_t>(limits::kHistoryEntriesPerMessageMax);
    const std::uint32_t last = 2 + page_size;
    Pulling pulling(last);
    const PageOutcome first = pulling.page(entries(2, last - 1));
    REQUIRE(std::holds_alternative<HistoryRequest>(first));
    CHECK(std::get<HistoryRequest>(first).after == Epoch(last - 1));
    SECTION("the next page begins where the last one ended") {
        CHECK(std::holds_alternative<PullOrder>(pulling.page(entries(last - 1, last))));
        CHECK(pulling.adoption.on_pulled(reference(last))->entries == entries(2, last));
    }
    SECTION("another one drops the pull") {
        CHECK(std::holds_alternative<std::monostate>(pulling.page(entries(last, last))));
        CHECK_FALSE(pulling.adoption.is_pulling());
    }
}

TEST_CASE("a source whose history ends before what was wanted is given up", "[adoption]") {
    Pulling pulling(6);
    CHECK(std::holds_alternative<std::monostate>(pulling.page(entries(2, 5))));
    CHECK_FALSE(pulling.adoption.is_pulling());
}

TEST_CASE("another past in the page is a fork", "[adoption]") {
    Pulling pulling(5);
    auto theirs = entries(2, 5);
    theirs[0].reference.digest = {8, 8};
    const PageOutcome outcome = pulling.page(theirs);
    REQUIRE(std::holds_alternative<ForkFound>(outcome));
    CHECK(std::get<ForkFound>(outcome).theirs == reference(5));
    CHECK_FALSE(pulling.adoption.is_pulling());
}

TEST_CASE("where nobody remembers what came after this reference, the source's past is taken",
          "[adoption]") {
    Pulling pulling(5);
    CHECK(std::holds_alternative<PullOrder>(pulling.page(entries(4, 5))));
    CHECK(pulling.adoption.past() == Past::other);
    CHECK(pulling.adoption.on_pulled(reference(5))->past == Past::other);
}

TEST_CASE("a pull without progress times out", "[adoption]") {
    Pulling pulling(5);
    CHECK_FALSE(pulling.adoption.has_timed_out(kNow + limits::kPullTimeout));
    CHECK(pulling.adoption.has_timed_out(kNow + limits::kPullTimeout + 1us));
    pulling.adoption.on_progress(kNow + 1s);
    CHECK_FALSE(pulling.adoption.has_timed_out(kNow + limits::kPullTimeout + 1us));
    pulling.adoption.drop_pull();
    CHECK_FALSE(pulling.adoption.has_timed_out(kNow + 1h));
}

TEST_CASE("of the words of a peer that is ahead the latest are kept, each once", "[adoption]") {
    Adoption adoption;
    Header header;
    header.epoch = Epoch(3);
    adoption.keep_early(peer(1), header, {1, {1, {}}});
    adoption.keep_early(peer(1), header, {2, {2, {}}});
    RoundState round;
    round.target = Epoch(4);
    adoption.keep_early(peer(2), round);
    adoption.keep_early(peer(3), round);
    adoption.keep_only([](const PeerId& id) { return id != peer(3).id; });
    adoption.on_reference();
    const auto early = adoption.take_early();
    REQUIRE(early.size() == 2);
    CHECK(early.at(peer(1).id).state->second.step == 2);
    CHECK_FALSE(early.at(peer(1).id).round);
    CHECK(early.at(peer(2).id).round->target == Epoch(4));
    CHECK(adoption.take_early().empty());
}

TEST_CASE("a value counts as committed where the last header of its epoch has named it",
          "[adoption]") {
    Adoption adoption;
    CHECK_FALSE(adoption.is_committed_elsewhere(reference(3)));
    adoption.on_committed_elsewhere(Epoch(3), reference(3).digest.high);
    CHECK(adoption.is_committed_elsewhere(reference(3)));
    CHECK_FALSE(adoption.is_committed_elsewhere({Epoch(3), {8, 8}}));
    CHECK_FALSE(adoption.is_committed_elsewhere({Epoch(4), reference(3).digest}));
    CHECK(adoption.has_outcome(Epoch(3)));
    CHECK_FALSE(adoption.has_outcome(Epoch(4)));
    adoption.on_reference();
    CHECK_FALSE(adoption.is_committed_elsewhere(reference(3)));
}

}  // namespace dynavg::protocol
