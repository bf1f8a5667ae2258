#include "tools/cli/units.hpp"

#include <cmath>
#include <limits>

#include "tests/catch.hpp"

using namespace dynavg::cli;

TEST_CASE("digits are grouped by three", "[units]") {
    CHECK(grouped(0) == "0");
    CHECK(grouped(999) == "999");
    CHECK(grouped(1000) == "1,000");
    CHECK(grouped(61706) == "61,706");
    CHECK(grouped(std::numeric_limits<std::uint64_t>::max()) == "18,446,744,073,709,551,615");
}

TEST_CASE("bytes are told in powers of 1000", "[units]") {
    CHECK(bytes_text(0) == "0 B");
    CHECK(bytes_text(999) == "999 B");
    CHECK(bytes_text(1000) == "1.0 kB");
    CHECK(bytes_text(999'949) == "999.9 kB");
    CHECK(bytes_text(999'950) == "1.0 MB");
    CHECK(bytes_text(3'400'000'000) == "3.4 GB");
    CHECK(bytes_text(std::numeric_limits<std::uint64_t>::max()) == "18.4 EB");
}

TEST_CASE("durations are told in two units", "[units]") {
    CHECK(duration_text(0.0351) == "35 ms");
    CHECK(duration_text(0.9999) == "999 ms");
    CHECK(duration_text(59.9) == "59 s");
    CHECK(duration_text(185) == "3 min 05 s");
    CHECK(duration_text(7640) == "2 h 07 min");
    CHECK(duration_text(273'600) == "3 d 04 h");
    CHECK(duration_text(-1) == "?");
    CHECK(duration_text(std::nan("")) == "?");
}

TEST_CASE("bytes are read with k, M and G", "[units]") {
    CHECK(bytes_from_text("0") == 0);
    CHECK(bytes_from_text("none") == 0);
    CHECK(bytes_from_text("1500") == 1500);
    CHECK(bytes_from_text("500k") == 500'000);
    CHECK(bytes_from_text("2M") == 2'000'000);
    CHECK(bytes_from_text("1.5G") == 1'500'000'000);
    for (const char* bad : {"", "k", "-1", "2MB", "2 M", "2m", "1e9", "nan", "inf", "1000G"}) {
        CAPTURE(bad);
        CHECK_FALSE(bytes_from_text(bad));
    }
}
