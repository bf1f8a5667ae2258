#include "tools/report/numbers.hpp"

#include <limits>

#include "tests/catch.hpp"

using namespace dynavg::report;

TEST_CASE("numbers are written for people", "[numbers]") {
    CHECK(grouped(61706) == "61,706");
    CHECK(count_text(1250) == "1,250");
    CHECK(count_text(36.5) == "36.5");
    CHECK(count_text(1e19) == "1e+19");
    CHECK(bytes_text(0) == "0 B");
    CHECK(bytes_text(999) == "999 B");
    CHECK(bytes_text(999.6) == "1 kB");
    CHECK(bytes_text(1234567) == "1.23 MB");
    CHECK(bytes_text(999'499'999) == "999 MB");
    CHECK(bytes_text(999'600'000) == "1 GB");
    CHECK(percent_text(0.985) == "98.5 %");
    CHECK(number_text(std::numeric_limits<double>::infinity()) == "inf");
    CHECK(ratio_text(0.97) == "0.97x");
    CHECK(ratio_text(103.6) == "104x");
}

TEST_CASE("text from files can't leave its place in a page", "[numbers]") {
    CHECK(html("<script>alert('x') & \"y\"</script>") ==
          "&lt;script&gt;alert(&#39;x&#39;) &amp; &quot;y&quot;&lt;/script&gt;");
    CHECK(html("a\x1b[2J\xff") == "a\\x1b[2J\\xff");
    CHECK(html("n\xc3\xb6") == "n\xc3\xb6");
}
