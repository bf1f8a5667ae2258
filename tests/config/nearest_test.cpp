#include "config/nearest.hpp"

#include <vector>

#include "tests/catch.hpp"

using namespace dynavg::config;

TEST_CASE("the edit distance counts letters to change", "[nearest]") {
    CHECK(edit_distance("", "") == 0);
    CHECK(edit_distance("", "abc") == 3);
    CHECK(edit_distance("threshold", "threshold") == 0);
    CHECK(edit_distance("treshold", "threshold") == 1);
    CHECK(edit_distance("thershold", "threshold") == 1);  // Two neighbours swapped.
    CHECK(edit_distance("kitten", "sitting") == 3);
    CHECK(edit_distance("kitten", "sitting") == edit_distance("sitting", "kitten"));
}

TEST_CASE("the nearest word is found, but nothing far away", "[nearest]") {
    const std::vector<std::string> words{"network", "name", "order", "bind"};
    CHECK(nearest("netwrok", words) == "network");
    CHECK(nearest("nmae", words) == "name");
    CHECK(nearest("binds", words) == "bind");
    CHECK(nearest("net", words) == "network");
    CHECK_FALSE(nearest("temperature", words));
    CHECK_FALSE(nearest("xy", words));
    CHECK_FALSE(nearest(std::string(100'000, 'n'), words));
}
