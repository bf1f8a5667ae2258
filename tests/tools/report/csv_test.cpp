#include "tools/report/csv.hpp"

#include <cmath>

#include "tests/catch.hpp"

using namespace dynavg::report;

TEST_CASE("a table has its columns by their names", "[csv]") {
    const Csv csv = parse_csv("step,loss,reason\n1,0.5,crossing\n2,,final\n");
    CHECK(csv.column("reason") == 2U);
    CHECK_FALSE(csv.column("rounds"));
    REQUIRE(csv.lines.size() == 2);
    CHECK(csv.lines[0][2] == "crossing");
    CHECK(csv.lines[1][1].empty());
    CHECK(csv.problem.empty());
    CHECK_FALSE(csv.is_cut);
}

TEST_CASE("a table that was cut off has its whole lines", "[csv]") {
    const Csv csv = parse_csv("a,b\n1,2\n3,4");
    CHECK(csv.lines.size() == 1);
    CHECK(csv.is_cut);
    CHECK(parse_csv("a,b").header.empty());
    CHECK(parse_csv("").header.empty());
}

TEST_CASE("a line of another width ends the table and is told", "[csv]") {
    const Csv csv = parse_csv("a,b\n1,2\n3\n5,6\n");
    CHECK(csv.lines.size() == 1);
    CHECK(csv.problem == "line 3 has 1 columns instead of 2");
}

TEST_CASE("a cell is a number as a whole or not at all", "[csv]") {
    CHECK(number_in<double>("1.5e3") == 1500.0);
    CHECK(std::isinf(number_in<double>("inf").value()));
    CHECK(std::isnan(number_in<double>("nan").value()));
    CHECK(number_in<std::uint64_t>("18446744073709551615") == UINT64_MAX);
    for (const char* wrong : {"", " 1", "1 ", "1,5", "0x10", "abc", "1.5.2"}) {
        CAPTURE(wrong);
        CHECK_FALSE(number_in<double>(wrong));
    }
    for (const char* wrong : {"-1", "1.0", "18446744073709551616", "inf"}) {
        CAPTURE(wrong);
        CHECK_FALSE(number_in<std::uint64_t>(wrong));
    }
}
