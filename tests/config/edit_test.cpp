#include "config/edit.hpp"

#include "config/config.hpp"
#include "tests/catch.hpp"

using namespace dynavg::config;

namespace {

const std::string kText =
    "# Who\n"
    "[node]  # this machine\n"
    "network = \"local\"\n"
    "# name = \"node-a\"\n"
    "peers = [\"a:1\"]\n"
    "\n"
    "[averaging]\n"
    "# threshold = 5.0\n"
    "\n"
    "[data]\n"
    "source = \"synthetic-digits\"\n";

std::string with(std::string_view text, std::string_view key, std::string_view value) {
    const auto changed = set_key(text, key, value);
    REQUIRE(changed);
    return *changed;
}

/// `text` with the first `from` replaced.
std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("a key that is set is changed where it stands, and nothing else is", "[edit]") {
    CHECK(with(kText, "node.network", "\"robots\"") ==
          replaced(kText, "network = \"local\"", "network = \"robots\""));
    CHECK(with(kText, "node.peers", "[]") == replaced(kText, "peers = [\"a:1\"]", "peers = []"));
}

TEST_CASE("a key that a comment shows takes the comment's place", "[edit]") {
    CHECK(with(kText, "node.name", "\"b\"") ==
          replaced(kText, "# name = \"node-a\"", "name = \"b\""));
}

TEST_CASE("a key that is nowhere comes first in its table, a table that is nowhere last",
          "[edit]") {
    CHECK(with(kText, "data.samples", "9") == replaced(kText, "[data]\n", "[data]\nsamples = 9\n"));
    CHECK(with(kText, "training.seed", "2") == kText + "\n[training]\nseed = 2\n");
}

TEST_CASE("equal names in other tables and longer names are left alone", "[edit]") {
    const std::string text = "[model]\nseed = 1\nseed_of = 3\n[training]\nseed = 1\n";
    CHECK(with(text, "training.seed", "2") ==
          "[model]\nseed = 1\nseed_of = 3\n[training]\nseed = 2\n");
    CHECK(with("[a]\nseed_of = 3\n", "a.seed", "2") == "[a]\nseed = 2\nseed_of = 3\n");
}

TEST_CASE("a value of several lines is left to the operator", "[edit]") {
    const auto changed = set_key("[node]\npeers = [\n  \"a:1\",\n]\n", "node.peers", "[]");
    REQUIRE_FALSE(changed);
    CHECK_THAT(changed.error().message, Catch::Contains("line 2: node.peers"));
}

TEST_CASE("a table of comments only can be taken out", "[edit]") {
    CHECK(without_empty_table(kText, "averaging") ==
          replaced(kText, "[averaging]", "# [averaging]"));
    CHECK(without_empty_table(kText, "node") == kText);
    CHECK(without_empty_table(kText, "security") == kText);
}

TEST_CASE("the default text is valid, and stays so when every key of it is set", "[edit]") {
    std::string text(default_text());
    REQUIRE(parse_config(text, "default"));
    text = with(text, "node.network", "\"robots\"");
    text = with(text, "node.advertise", "\"127.0.0.1:7400\"");
    text = with(text, "model.builtin", "\"mlp\"");
    const auto config = parse_config(without_empty_table(text, "averaging"), "changed");
    REQUIRE(config);
    CHECK(config->node.network == "robots");
    CHECK(config->node.advertise == "127.0.0.1:7400");
    CHECK_FALSE(config->has_averaging_section);
}
