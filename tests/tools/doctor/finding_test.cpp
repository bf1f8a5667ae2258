#include "tools/doctor/finding.hpp"

#include <nlohmann/json.hpp>

#include "tests/catch.hpp"

using namespace dynavg::doctor;

namespace {

const std::vector<Finding> kFindings{
    {Level::ok, "config", "a.toml", "valid", ""},
    {Level::failure, "peer", "b:7400", "nothing \x1b[2J comes back", "switch it on"}};

}  // namespace

TEST_CASE("each finding is a line, a fix a second one, and nothing steers the terminal",
          "[finding]") {
    CHECK(text_of(kFindings) ==
          "ok       config    a.toml: valid\n"
          "failure  peer      b:7400: nothing \\x1b[2J comes back\n"
          "                   fix: switch it on\n"
          "1 ok, 0 warnings, 1 failures\n");
}

TEST_CASE("JSON has all of them, and whether the node works", "[finding]") {
    const auto json = nlohmann::json::parse(json_of(kFindings));
    CHECK(json["ok"] == false);
    CHECK(json["failures"] == 1);
    CHECK(json["warnings"] == 0);
    REQUIRE(json["findings"].size() == 2);
    CHECK(json["findings"][1] == nlohmann::json{{"level", "failure"},
                                                {"check", "peer"},
                                                {"where", "b:7400"},
                                                {"what", "nothing \x1b[2J comes back"},
                                                {"fix", "switch it on"}});
}

TEST_CASE("a warning is no failure", "[finding]") {
    CHECK(has_failure(kFindings));
    CHECK_FALSE(has_failure({{Level::warning, "blas", "x", "slow", "install"}}));
    CHECK(nlohmann::json::parse(json_of({}))["ok"] == true);
}
