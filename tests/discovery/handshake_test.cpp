#include "discovery/handshake.hpp"

#include "discovery/bounds.hpp"
#include "discovery/refusal_log.hpp"
#include "protocol/base/limits.hpp"
#include "protocol/wire/text.hpp"
#include "tests/catch.hpp"
#include "tests/discovery/virtual_network.hpp"

using namespace dynavg::discovery;
using namespace dynavg::discovery::test;
using dynavg::protocol::FieldDifference;
using dynavg::protocol::Hello;
using dynavg::protocol::NetworkFields;

TEST_CASE("every field that differs is listed, missing ones too", "[handshake]") {
    const NetworkFields ours = {{"a", "1"}, {"b", "2"}, {"only.ours", "x"}, {"same", "s"}};
    const NetworkFields theirs = {{"a", "1x"}, {"b", "2x"}, {"only.theirs", "y"}, {"same", "s"}};
    const std::vector<FieldDifference> expected = {{"a", "1x", "1"},
                                                   {"b", "2x", "2"},
                                                   {"only.ours", "(none)", "x"},
                                                   {"only.theirs", "y", "(none)"}};
    CHECK(compare(ours, theirs) == expected);
    CHECK(swap_sides(compare(ours, theirs)) == compare(theirs, ours));
    CHECK(compare(ours, ours).empty());
    CHECK(describe(expected)[0] == "a: theirs 1x, ours 1");
    CHECK(compare({{"a", "(none)"}}, {}).size() == 1);
}

TEST_CASE("averaging fields count unless one side has none at all", "[handshake]") {
    const NetworkFields full = {{"averaging.a", "1"}, {"averaging.b", "2"}, {"network", "n"}};
    const NetworkFields none = {{"network", "n"}};
    const NetworkFields partial = {{"averaging.a", "1"}, {"network", "n"}};
    CHECK(compare(full, none).empty());
    CHECK(compare(none, full).empty());
    CHECK(compare(full, partial) == std::vector<FieldDifference>{{"averaging.b", "(none)", "2"}});
    CHECK(compare(partial, full) == std::vector<FieldDifference>{{"averaging.b", "2", "(none)"}});
    CHECK(averaging_fields(full) == NetworkFields{{"averaging.a", "1"}, {"averaging.b", "2"}});
}

TEST_CASE("versions that do not meet and unusable addresses are differences", "[handshake]") {
    const Hello ours = hello_of(options_of(0));
    Hello theirs = hello_of(options_of(1));
    CHECK(compare(ours, theirs).empty());
    theirs.version_min = 7;
    theirs.version_max = 9;
    REQUIRE(compare(ours, theirs).size() == 1);
    CHECK(compare(ours, theirs)[0] == FieldDifference{"protocol.version", "7 to 9", "3 to 3"});
    theirs.version_min = 1;
    CHECK(compare(ours, theirs).empty());
    theirs.endpoints.bulk = "nowhere";
    REQUIRE(compare(ours, theirs).size() == 1);
    CHECK(compare(ours, theirs)[0].field == "node.advertise");
    Hello blank = hello_of(options_of(2));
    blank.fields = {{"network", "test"}, {"model.digest", "9f3a01c2"}};
    CHECK(compare(blank, ours).empty());
    CHECK(compare(blank, blank)[0].field == "averaging");
}

TEST_CASE("text that is too long to be sent is cut between two characters", "[handshake]") {
    for (std::size_t before = 0; before < 4; ++before) {
        std::string text(before, 'x');
        while (text.size() <= dynavg::protocol::limits::kTextBytesMax) text += "\u00e4\u20ac";
        std::vector<dynavg::protocol::FieldDifference> differences{{"field", text, "ours"}};
        cut_to_limits(differences);
        CAPTURE(before);
        CHECK(dynavg::protocol::wire::is_text(differences[0].theirs));
        CHECK(text.starts_with(differences[0].theirs));
        CHECK(differences[0].theirs.size() + 3 > dynavg::protocol::limits::kTextBytesMax);
    }
}

TEST_CASE("text of peers is shown printable and short", "[handshake]") {
    CHECK(display_name("a\nb\x1b[2J", id_of(0)).find_first_of("\n\x1b") == std::string::npos);
    CHECK(display_name(std::string(5000, 'x'), id_of(0)).size() < 100);
    CHECK(describe({{"f", std::string(5000, 'x'), "y"}})[0].size() < 200);
}

TEST_CASE("a refusal is logged once, then rarely or when its reason changes", "[refusal_log]") {
    RefusalLog log;
    CHECK(log.worth_a_line("a", {"x"}, at(0s)));
    CHECK_FALSE(log.worth_a_line("a", {"x"}, at(9min)));
    CHECK(log.worth_a_line("a", {"y"}, at(9min)));
    CHECK(log.worth_a_line("b", {"x"}, at(9min)));
    CHECK(log.worth_a_line("a", {"y"}, at(19min)));
    std::size_t lines = 0;
    for (int i = 0; i < 10000; ++i) {
        lines += log.worth_a_line(std::to_string(i), {"z"}, at(40min)) ? 1 : 0;
    }
    CHECK(lines == kRefusalLogLinesMax);
    CHECK(log.size() <= dynavg::protocol::limits::kPeersMax);
}
