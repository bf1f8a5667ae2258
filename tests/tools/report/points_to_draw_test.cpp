#include "tools/report/points_to_draw.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/catch.hpp"

using namespace dynavg::report;

TEST_CASE("few values are all kept", "[thin]") {
    CHECK(points_to_draw({}, 10).empty());
    CHECK(points_to_draw({1, 2, 3}, 10) == std::vector<std::size_t>{0, 1, 2});
}

TEST_CASE("of many values the ends and the extremes are kept", "[thin]") {
    std::vector<double> values(10'000);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = std::sin(static_cast<double>(i));
    values[1234] = 50;
    values[5678] = -50;
    values[9000] = std::numeric_limits<double>::infinity();
    const auto kept = points_to_draw(values, 100);
    CHECK(kept.size() <= 202);
    CHECK(kept.size() > 150);
    CHECK(std::is_sorted(kept.begin(), kept.end()));
    CHECK(std::adjacent_find(kept.begin(), kept.end()) == kept.end());
    CHECK(kept.front() == 0);
    CHECK(kept.back() == values.size() - 1);
    CHECK(std::binary_search(kept.begin(), kept.end(), 1234U));
    CHECK(std::binary_search(kept.begin(), kept.end(), 5678U));
    CHECK(points_to_draw(std::vector<double>(10'000, NAN), 100) ==
          std::vector<std::size_t>{0, 9999});
}
