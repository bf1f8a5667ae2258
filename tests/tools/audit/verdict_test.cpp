#include "tools/audit/verdict.hpp"

#include <algorithm>
#include <random>

#include "tests/catch.hpp"
#include "tests/tools/audit/samples.hpp"

using namespace dynavg;
using namespace dynavg::audit;

namespace {

const Names kAll{"a", "b", "c", "d"};
const Names kLeft{"a", "b"};
const Names kRight{"c", "d"};

NetworkVerdict verdict_of(const Record& record) {
    REQUIRE(record.networks().size() == 1);
    return judge("net", record.networks().at("net"));
}

/// Two networks that part after epoch 2, each with rounds 3 to 5, and are one again at 7.
Record parted(bool noticed) {
    Record record;
    for (const std::uint64_t epoch : {1U, 2U}) add_round(record, epoch, epoch, kAll);
    for (const std::uint64_t epoch : {3U, 4U, 5U}) {
        add_round(record, epoch, 100 + epoch, kLeft);
        add_round(record, epoch, 200 + epoch, kRight);
    }
    add_round(record, 6, 206, kRight);
    if (noticed) record.add(fork_at("a", 5, 105));
    for (const std::string& node : kAll) {
        Entry merge = committed(node, 7, 7, kAll);
        merge.reason = "merge";
        merge.threshold = node == "a" ? 4 : 5;
        record.add(merge);
    }
    return record;
}

}  // namespace

TEST_CASE("nodes that tell the same of every epoch have agreed", "[verdict]") {
    Record record;
    for (const std::uint64_t epoch : {1U, 2U, 3U}) add_round(record, epoch, epoch, kAll);
    const NetworkVerdict verdict = verdict_of(record);
    CHECK(verdict.agreed());
    CHECK(verdict.references == 3);
    CHECK(verdict.compared == 3);
    CHECK(verdict.rounds == 3);
    CHECK(verdict.epochs == EpochRange{1, 3});
    CHECK(verdict.without_log.empty());
    REQUIRE(verdict.nodes.size() == 4);
    CHECK(verdict.nodes[0].record.name == "a");
    CHECK(verdict.nodes[0].record.rounds == 3);
    CHECK(verdict.nodes[0].record.bytes_sent == 3000);
    CHECK(verdict.nodes[0].record.bytes_monitoring == 30);
    CHECK(verdict.nodes[0].record.duration_ms == 60);
}

TEST_CASE("a node with another reference is found, with both digests", "[verdict]") {
    Record record;
    add_round(record, 1, 1, kAll);
    for (const char* const node : {"a", "b", "d"}) record.add(committed(node, 2, 2, kAll));
    record.add(committed("c", 2, 9, kAll));
    const NetworkVerdict verdict = verdict_of(record);
    CHECK_FALSE(verdict.agreed());
    REQUIRE(verdict.disputes.size() == 1);
    const Dispute& dispute = verdict.disputes[0];
    CHECK(dispute.epoch == 2);
    CHECK(dispute.kind == DisputeKind::digest);
    REQUIRE(dispute.sides.size() == 2);
    CHECK(dispute.sides[0].digest == digest(2));
    CHECK(dispute.sides[0].nodes == Names{"a", "b", "d"});
    CHECK(dispute.sides[1].digest == digest(9));
    CHECK(dispute.sides[1].nodes == Names{"c"});
    CHECK(dispute.sides[1].participants == Names{"a (a-id)", "b (b-id)", "c (c-id)", "d (d-id)"});
}

TEST_CASE("one reference with other participants or thresholds is no agreement", "[verdict]") {
    Record record;
    record.add(committed("a", 1, 1, kAll));
    Entry other = committed("b", 1, 1, kAll);
    SECTION("participants") {
        other.participants.pop_back();
        record.add(other);
        const auto disputes = verdict_of(record).disputes;
        REQUIRE(disputes.size() == 1);
        CHECK(disputes[0].kind == DisputeKind::participants);
        CHECK(disputes[0].sides.size() == 2);
    }
    SECTION("threshold") {
        other.threshold = 5.000001;
        record.add(other);
        const auto disputes = verdict_of(record).disputes;
        REQUIRE(disputes.size() == 1);
        CHECK(disputes[0].kind == DisputeKind::threshold);
        CHECK(disputes[0].sides[0].threshold.value() == 5);
    }
    SECTION("a threshold that is not told disputes nothing") {
        other.threshold.reset();
        record.add(other);
        CHECK(verdict_of(record).agreed());
    }
}

TEST_CASE("a node that adopted a reference agrees on it", "[verdict]") {
    Record record;
    add_round(record, 1, 1, kLeft);
    record.add(adopted("c", 1, 1));
    CHECK(verdict_of(record).agreed());
    record.add(adopted("d", 1, 9));
    const NetworkVerdict verdict = verdict_of(record);
    REQUIRE(verdict.disputes.size() == 1);
    CHECK(verdict.disputes[0].sides[0].nodes == Names{"a", "b", "c"});
    CHECK_FALSE(verdict.disputes[0].sides[1].participants);
}

TEST_CASE("after a restart the same epoch may come again, but not with another reference",
          "[verdict]") {
    Record record;
    add_round(record, 1, 1, kLeft);
    record.add(entry(EntryKind::started, "a", 0));
    record.add(entry(EntryKind::started, "a", 1));
    record.add(adopted("a", 1, 1));
    CHECK(verdict_of(record).agreed());
    CHECK(verdict_of(record).nodes[0].record.starts == 2);
    record.add(committed("a", 1, 2, kLeft));
    const NetworkVerdict verdict = verdict_of(record);
    REQUIRE(verdict.disputes.size() == 1);
    CHECK(verdict.disputes[0].sides[1].nodes == Names{"a"});
}

TEST_CASE("a fork that was noticed is no dispute, nor is the merge's threshold", "[verdict]") {
    const NetworkVerdict verdict = verdict_of(parted(true));
    CHECK(verdict.agreed());
    CHECK(verdict.forks == std::vector<EpochRange>{{3, 5}});
    CHECK(verdict.rounds == 10);
    // Epoch 6 was passed over by the merge.
    for (const NodeVerdict& node : verdict.nodes) CHECK(node.gaps.empty());
}

TEST_CASE("a fork that no log tells of is a dispute", "[verdict]") {
    const NetworkVerdict verdict = verdict_of(parted(false));
    CHECK(verdict.disputes.size() == 3);
    CHECK(verdict.forks.empty());
}

TEST_CASE("a merge is a sign of a fork too, by the reference at its end", "[verdict]") {
    Record record = parted(false);
    Entry merge = entry(EntryKind::merged, "a", 7);
    merge.from_reference = digest(105);
    record.add(merge);
    merge.node = "c";
    merge.from_reference = digest(206);
    record.add(merge);
    const NetworkVerdict verdict = verdict_of(record);
    CHECK(verdict.agreed());
    CHECK(verdict.merges == 1);
}

TEST_CASE("a noticed fork excuses no dispute before it, after it or within a roster", "[verdict]") {
    Record record = parted(true);
    SECTION("before: both sides had a reference in common since") {
        Record other;
        add_round(other, 1, 1, kRight);
        add_round(other, 1, 77, kLeft);
        add_round(other, 2, 2, kAll);
        add_round(other, 3, 103, kLeft);
        add_round(other, 3, 203, kRight);
        other.add(fork_at("a", 3, 103));
        const NetworkVerdict verdict = verdict_of(other);
        REQUIRE(verdict.disputes.size() == 1);
        CHECK(verdict.disputes[0].epoch == 1);
        CHECK(verdict.forks == std::vector<EpochRange>{{3, 3}});
    }
    SECTION("after: the same") {
        add_round(record, 8, 300, kLeft);
        add_round(record, 8, 400, kRight);
        const NetworkVerdict verdict = verdict_of(record);
        REQUIRE(verdict.disputes.size() == 1);
        CHECK(verdict.disputes[0].epoch == 8);
    }
    SECTION("within: one peer is in both rounds") {
        record.add(committed("b", 4, 9, {"b", "c"}));
        const NetworkVerdict verdict = verdict_of(record);
        REQUIRE(verdict.disputes.size() == 1);
        CHECK(verdict.disputes[0].epoch == 4);
    }
}

TEST_CASE("missing peers are told by rounds, whichever log tells it", "[verdict]") {
    Record record;
    for (const std::uint64_t epoch : {1U, 2U, 4U}) {
        for (const std::string& node : kLeft) {
            Entry round = committed(node, epoch, epoch, kLeft);
            round.missing = {"c (c-id)", "d-id"};
            record.add(round);
        }
    }
    const NetworkVerdict verdict = verdict_of(record);
    CHECK(verdict.agreed());
    REQUIRE(verdict.missing.size() == 2);
    CHECK(verdict.missing[0].peer == "c (c-id)");
    CHECK(verdict.missing[0].rounds == 3);
    CHECK(verdict.missing[0].epochs == std::vector<EpochRange>{{1, 2}, {4, 4}});
    CHECK(verdict.missing[1].peer == "d-id");
}

TEST_CASE("epochs that a node's logs lack are a gap, unless it was behind", "[verdict]") {
    Record record;
    for (const std::uint64_t epoch : {1U, 2U, 3U, 4U, 5U, 6U}) {
        record.add(committed("a", epoch, epoch, kAll));
        if (epoch < 3 || epoch > 4) record.add(committed("b", epoch, epoch, kAll));
        if (epoch < 3) record.add(committed("c", epoch, epoch, kAll));
    }
    record.add(adopted("c", 6, 6));
    const NetworkVerdict verdict = verdict_of(record);
    CHECK(verdict.agreed());
    CHECK(verdict.nodes[0].gaps.empty());
    CHECK(verdict.nodes[1].gaps == std::vector<EpochRange>{{3, 4}});
    CHECK(verdict.nodes[2].gaps.empty());
    CHECK(verdict.compared == 4);
    CHECK(verdict.references == 6);
    CHECK(verdict.without_log == Names{"d-id"});
}

TEST_CASE("one node's word alone is nothing to compare", "[verdict]") {
    Record record;
    record.add(committed("a", 1, 1, kAll));
    const NetworkVerdict verdict = verdict_of(record);
    CHECK(verdict.is_empty());
    CHECK_FALSE(verdict.agreed());
    // Its own contradiction is one all the same.
    record.add(committed("a", 1, 2, kAll));
    CHECK_FALSE(verdict_of(record).is_empty());
    CHECK(verdict_of(record).disputes.size() == 1);
}

TEST_CASE("the order of lines does not matter, nor that one comes twice", "[verdict]") {
    std::vector<Entry> entries;
    for (std::uint64_t epoch = 1; epoch < 20; ++epoch) {
        for (const std::string& node : kAll) {
            entries.push_back(committed(node, epoch, node == "c" && epoch == 7 ? 99 : epoch, kAll));
        }
    }
    const auto doubled = entries;
    entries.insert(entries.end(), doubled.begin(), doubled.end());
    std::mt19937 random(1);  // Any order will do.
    for (int i = 0; i < 10; ++i) {
        std::shuffle(entries.begin(), entries.end(), random);
        Record record;
        for (const Entry& one : entries) record.add(one);
        const NetworkVerdict verdict = verdict_of(record);
        REQUIRE(verdict.disputes.size() == 1);
        CHECK(verdict.disputes[0].epoch == 7);
        CHECK(verdict.nodes[0].record.rounds == 19);
        CHECK(verdict.nodes[0].record.bytes_sent == 19'000);
    }
}

TEST_CASE("a fork without end, whose sides speak now and then, is judged in time", "[verdict]") {
    Record record;
    constexpr std::uint64_t kEpochs = 20'000;
    for (std::uint64_t epoch = 1; epoch <= kEpochs; ++epoch) {
        add_round(record, epoch, epoch, kLeft);
        add_round(record, epoch, kEpochs + epoch, kRight);
    }
    record.add(fork_at("a", kEpochs, kEpochs));
    const NetworkVerdict verdict = verdict_of(record);
    CHECK(verdict.agreed());
    CHECK(verdict.forks == std::vector<EpochRange>{{1, kEpochs}});
}
