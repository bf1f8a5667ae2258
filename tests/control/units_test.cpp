#include "control/units.hpp"

#include <cstdint>
#include <limits>

#include "tests/catch.hpp"

using dynavg::control::bytes_text;

TEST_CASE("bytes are told in powers of 1000 with one decimal", "[units]") {
    CHECK(bytes_text(0) == "0 B");
    CHECK(bytes_text(999) == "999 B");
    CHECK(bytes_text(1000) == "1.0 kB");
    CHECK(bytes_text(61'706 * 4) == "246.8 kB");
    CHECK(bytes_text(std::numeric_limits<std::uint64_t>::max()) == "18.4 EB");
}

TEST_CASE("bytes that would be shown as 1000.0 are told in the next unit", "[units]") {
    CHECK(bytes_text(999'949) == "999.9 kB");
    CHECK(bytes_text(999'950) == "1.0 MB");
    CHECK(bytes_text(999'950'000) == "1.0 GB");
}
