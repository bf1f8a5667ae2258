#include "tools/audit/verdict_output.hpp"

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"
#include "tests/tools/audit/samples.hpp"

using namespace dynavg;
using namespace dynavg::audit;
using Catch::Matchers::Contains;
using Catch::Matchers::EndsWith;

namespace {

const Names kBoth{"a", "b"};

NetworkVerdict verdict_of(const Record& record) {
    return judge("net", record.networks().at("net"));
}

}  // namespace

TEST_CASE("agreement is told with what it cost", "[tell]") {
    Record record;
    for (const std::uint64_t epoch : {1U, 2U}) add_round(record, epoch, epoch, kBoth);
    CHECK(
        text_of(verdict_of(record)) ==
        "network net: 2 nodes, 2 rounds\n"
        "NODE  PEER  ROUNDS  ADOPTED  STARTS  EPOCHS  MONITORING SENT  AVERAGING SENT  MEAN ROUND\n"
        "a     a-id  2       0        0       1-2     20 B             2.0 kB          20 ms\n"
        "b     b-id  2       0        0       1-2     20 B             2.0 kB          20 ms\n"
        "all   -     4       0        0       1-2     40 B             4.0 kB          20 ms\n"
        "AGREED: 2 nodes, all 2 epochs\n");
    const nlohmann::json json = to_json(verdict_of(record));
    CHECK(json["verdict"] == "agreed");
    CHECK(json["compared"] == 2);
    CHECK(json["nodes"][1]["node"] == "b");
    CHECK(json["nodes"][1]["mean_round_ms"] == 20);
    CHECK(json["total"]["bytes_sent"] == 4000);
    CHECK(json["total"]["bytes_monitoring"] == 40);
}

TEST_CASE("a disagreement is told with nodes and digests", "[tell]") {
    Record record;
    record.add(committed("a", 1, 1, kBoth));
    record.add(committed("b", 1, 2, kBoth));
    const std::string text = text_of(verdict_of(record));
    CHECK_THAT(text, Contains("epoch 1: different references\n"
                              "  000000000000abcd0000000000000001  a; threshold 5; round of a "
                              "(a-id), b (b-id)\n"
                              "  000000000000abcd0000000000000002  b; threshold 5; round of a "
                              "(a-id), b (b-id)\n"));
    CHECK_THAT(text, Contains("\nDISAGREED: at 1 of 1 epochs: 1. "));
    const nlohmann::json json = to_json(verdict_of(record));
    CHECK(json["verdict"] == "disagreed");
    CHECK(json["disagreements"][0]["kind"] == "digest");
    CHECK(json["disagreements"][0]["sides"][1]["nodes"][0] == "b");
}

TEST_CASE("many disputes are counted, not printed; JSON has all", "[tell]") {
    Record record;
    for (std::uint64_t epoch = 1; epoch <= 100; ++epoch) {
        record.add(committed("a", epoch, epoch, kBoth));
        record.add(committed("b", epoch, 1000 + epoch, kBoth));
    }
    const std::string text = text_of(verdict_of(record));
    CHECK_THAT(text, Contains("and 80 more; --json has all\n"));
    CHECK_THAT(text, Contains("DISAGREED: at 100 of 100 epochs: 1-100. "));
    CHECK(to_json(verdict_of(record))["disagreements"].size() == 100);
}

TEST_CASE("missing peers, gaps and strangers are told", "[tell]") {
    Record record;
    for (const std::uint64_t epoch : {1U, 2U, 5U}) {
        for (const std::string& node : kBoth) {
            Entry round = committed(node, epoch, epoch, {"a", "b", "x"});
            round.missing = {"c (c-id)"};
            if (node == "a" || epoch != 2) record.add(round);
        }
    }
    Entry lost = entry(EntryKind::lines_lost, "a", 5);
    lost.lines = 3;
    record.add(lost);
    const std::string text = text_of(verdict_of(record));
    CHECK_THAT(text, Contains("missing: c (c-id) at 3 of 3 epochs: 1-2, 5\n"));
    CHECK_THAT(text, Contains("gap: the logs of a lack epochs 3-4;"));
    CHECK_THAT(text, Contains("gap: the logs of b lack epochs 2-4;"));
    CHECK_THAT(text, Contains("gap: a could not write 3 lines of its log\n"));
    CHECK_THAT(text, Contains("no log: of participants x-id\n"));
    CHECK_THAT(text, EndsWith("AGREED: 2 nodes, 2 of 3 epochs, the others are told by one node "
                              "only\n"));
}

TEST_CASE("nothing to compare is told with what to do", "[tell]") {
    Record record;
    record.add(entry(EntryKind::started, "a", 0));
    CHECK_THAT(text_of(verdict_of(record)),
               Contains("NOTHING TO COMPARE: no epoch is told by two nodes; no round"));
    record.add(committed("a", 1, 1, kBoth));
    CHECK_THAT(text_of(verdict_of(record)), Contains("give the logs of more nodes"));
    CHECK(to_json(verdict_of(record))["verdict"] == "nothing-to-compare");
}

TEST_CASE("text from logs can't steer a terminal", "[tell]") {
    Record record;
    const std::string evil = "a\x1b[2J\n";
    record.add(committed(evil, 1, 1, kBoth));
    record.add(committed("b", 1, 2, {evil}));
    Entry round = committed("b", 2, 2, kBoth);
    round.missing = {evil + " (" + evil + ")"};
    record.add(round);
    const std::string text = text_of(judge(evil, record.networks().at("net")));
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK_THAT(text, Contains("a\\x1b[2J\\n"));
}
