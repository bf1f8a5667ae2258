#include <cmath>
#include <random>
#include <string>

#include "tests/catch.hpp"
#include "tools/audit/entry.hpp"
#include "tools/audit/record.hpp"

using namespace dynavg;
using namespace dynavg::audit;

namespace {

using Names = std::vector<std::string>;

const std::string kCommitted =
    R"({"time":"2026-01-02T03:04:05.678Z","level":"info","event":"round_committed",)"
    R"("node":"node-a","network":"net","epoch":12,"step":345,"message":"m",)"
    R"("round":"12-9f3a01c2","attempt":0,"peer_id":"00aa","reason":"crossing",)"
    R"j("participants":["00bb","00aa"],"expected":3,"missing":["node-c (00cc)"],)j"
    R"("digest":"00112233445566778899aabbccddeeff","estimate":5.3,"threshold":5.25,"steps":40,)"
    R"("duration_ms":17,"bytes_sent":1000,"bytes_received":900,"bytes_monitoring":11})";

const std::string kJournal =
    R"({"__CURSOR":"s=1","__REALTIME_TIMESTAMP":"1767323045678000","PRIORITY":"6",)"
    R"("DYNAVG_EVENT":"round_committed","DYNAVG_NODE":"node-a","DYNAVG_NETWORK":"net",)"
    R"("DYNAVG_EPOCH":"12","DYNAVG_ROUND":"12-9f3a01c2","DYNAVG_PEER_ID":"00aa",)"
    R"("DYNAVG_REASON":"crossing","DYNAVG_PARTICIPANTS":["00bb","00aa"],)"
    R"j("DYNAVG_MISSING":"node-c (00cc)","DYNAVG_DIGEST":"00112233445566778899aabbccddeeff",)j"
    R"("DYNAVG_THRESHOLD":"5.25","DYNAVG_DURATION_MS":"17","DYNAVG_BYTES_SENT":"1000",)"
    R"("DYNAVG_BYTES_RECEIVED":"900","DYNAVG_BYTES_MONITORING":"11",)"
    R"("MESSAGE":[115,97,109,101,255]})";

void check_committed(const Entry& entry) {
    CHECK(entry.kind == EntryKind::committed);
    CHECK(entry.node == "node-a");
    CHECK(entry.network == "net");
    CHECK(entry.epoch == 12);
    CHECK(entry.peer_id == "00aa");
    CHECK(entry.reason == "crossing");
    CHECK(entry.participants == Names{"00aa", "00bb"});
    CHECK(entry.missing == Names{"node-c (00cc)"});
    CHECK(entry.digest == protocol::Digest{0x0011223344556677, 0x8899aabbccddeeff});
    CHECK(entry.threshold.value() == 5.25);
    CHECK(entry.duration_ms == 17);
    CHECK(entry.bytes_sent == 1000);
    CHECK(entry.bytes_received == 900);
    CHECK(entry.bytes_monitoring == 11);
}

/// The line with another text in place of a part.
std::string with(std::string line, const std::string& part, const std::string& other) {
    const std::size_t at = line.find(part);
    REQUIRE(at != std::string::npos);
    return line.replace(at, part.size(), other);
}

std::string json_text(const std::string& text) {
    std::string escaped;
    for (const char c : text) escaped += c == '"' ? std::string("\\\"") : std::string(1, c);
    return '"' + escaped + '"';
}

LineKind kind_of(const std::string& line) {
    Entry entry;
    return read_line(line, entry);
}

}  // namespace

TEST_CASE("a round is read from our JSON and from a journal alike", "[read_line]") {
    for (const std::string& line :
         {kCommitted, kJournal, "Jan 02 03:04:05 host dynavgd[12]: " + kCommitted,
          "\x1e" + kJournal, with(kCommitted, "\"event\":", "\"event\": "),
          R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":)" + json_text(kCommitted) + "}"}) {
        CAPTURE(line);
        Entry entry;
        REQUIRE(read_line(line, entry) == LineKind::entry);
        check_committed(entry);
    }
}

TEST_CASE("a journal's texts may be bytes, and a list of one a text", "[read_line]") {
    Entry entry;
    const std::string bytes = with(kJournal, "\"net\"", "[110,101,116]");
    REQUIRE(read_line(bytes, entry) == LineKind::entry);
    check_committed(entry);
    const std::string alone = with(kJournal, R"(["00bb","00aa"])", "\"00aa\"");
    REQUIRE(read_line(alone, entry) == LineKind::entry);
    CHECK(entry.participants == Names{"00aa"});
    const std::string several = with(kJournal, "\"node-c (00cc)\"", "[[120],\"y\"]");
    REQUIRE(read_line(several, entry) == LineKind::entry);
    CHECK(entry.missing == Names{"x", "y"});
}

TEST_CASE("the round's epoch stands above that of the line's writing", "[read_line]") {
    Entry entry;
    REQUIRE(read_line(with(kCommitted, "\"epoch\":12", "\"epoch\":13"), entry) == LineKind::entry);
    CHECK(entry.epoch == 12);
}

TEST_CASE("adoptions, forks and merges have both references", "[read_line]") {
    for (const auto& [name, kind] : {std::pair("adopted", EntryKind::adopted),
                                     std::pair("fork_detected", EntryKind::fork_detected),
                                     std::pair("merged", EntryKind::merged)}) {
        const std::string line = std::string(R"({"event":")") + name +
                                 R"(","node":"a","network":"n","epoch":3,)"
                                 R"("from_reference":"00000000000000010000000000000002",)"
                                 R"("to_reference":"00000000000000030000000000000004"})";
        Entry entry;
        REQUIRE(read_line(line, entry) == LineKind::entry);
        CHECK(entry.kind == kind);
        CHECK(entry.from_reference == protocol::Digest{1, 2});
        CHECK(entry.digest == protocol::Digest{3, 4});
        CHECK(kind_of(with(line, "0003000", "x")) == LineKind::garbage);
    }
}

TEST_CASE("other events, other programs and garbage are told apart", "[read_line]") {
    CHECK(kind_of(R"({"time":"t","event":"crossing","node":"a"})") == LineKind::event);
    CHECK(kind_of(R"({"__REALTIME_TIMESTAMP":"1","DYNAVG_EVENT":"crossing"})") == LineKind::event);
    CHECK(kind_of(R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":"Started session."})") ==
          LineKind::foreign);
    CHECK(kind_of(R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":"{\"a\":1}"})") == LineKind::foreign);
    CHECK(kind_of(R"({"__REALTIME_TIMESTAMP":"1","MESSAGE":null})") == LineKind::foreign);
    for (const std::string& line :
         {std::string(), std::string("{"), std::string("{}"), std::string("[1]"),
          std::string("\0\0", 2), std::string("2026-01-02 info round_committed  epoch=3"),
          kCommitted.substr(0, 200), kCommitted + ",", with(kCommitted, "\"node-a\"", "7"),
          with(kCommitted, "0011223344", "zz11223344"), with(kCommitted, "\"epoch\":12", "\"x\":1"),
          with(kCommitted, R"(["00bb","00aa"])", "[]"), with(kCommitted, "5.25", "1e999"),
          R"({"x":{"event":"adopted"}})" + std::string()}) {
        CAPTURE(line);
        CHECK(kind_of(line) == LineKind::garbage);
    }
}

TEST_CASE("a text that looks like an event inside a message is none", "[read_line]") {
    const std::string line =
        R"({"time":"t","level":"info","message":"\"event\":\"adopted\"","event":"evaluated"})";
    CHECK(kind_of(line) == LineKind::event);
}

TEST_CASE("numbers that JSON lacks are texts", "[read_line]") {
    Entry entry;
    REQUIRE(read_line(with(kCommitted, "5.25", "\"inf\""), entry) == LineKind::entry);
    CHECK(std::isinf(entry.threshold.value()));
    REQUIRE(read_line(with(kCommitted, "5.25", "\"nan\""), entry) == LineKind::entry);
    CHECK(std::isnan(entry.threshold.value()));
    REQUIRE(read_line(with(kCommitted, "\"threshold\":5.25,", ""), entry) == LineKind::entry);
    CHECK_FALSE(entry.threshold);
}

TEST_CASE("damaged lines do no harm", "[read_line]") {
    std::mt19937 random(7);
    Record record;
    for (int i = 0; i < 20'000; ++i) {
        std::string line = i % 2 == 0 ? kCommitted : kJournal;
        for (int k = 0; k < 3; ++k) line[random() % line.size()] = static_cast<char>(random());
        if (i % 5 == 0) line.resize(random() % line.size());
        Entry entry;
        if (read_line(line, entry) == LineKind::entry) record.add(entry);
    }
    const std::string deep = R"({"event":"adopted","x":)" + std::string(200'000, '[') + "}";
    CHECK(kind_of(deep) == LineKind::garbage);
    const std::string closed =
        R"({"event":"adopted","x":)" + std::string(200'000, '[') + std::string(200'000, ']') + "}";
    CHECK(kind_of(closed) == LineKind::garbage);
}
