#include "identity/token.hpp"

#include <algorithm>

#include "tests/catch.hpp"
#include "tests/temporary_folder.hpp"

namespace dynavg::identity {

namespace {

Token sample() {
    Token token;
    token.host = make_identity().id;
    token.address = "node-a.example:7400";
    token.network = "field-robots";
    token.model = "builtin = \"lenet5\"\nseed = 1\n";
    token.secret = make_identity().secret;
    return token;
}

}  // namespace

TEST_CASE("A token survives being copied", "[token]") {
    const Token token = sample();
    const std::string text = text_of(token);
    CHECK(text.find_first_not_of(
              "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") ==
          std::string::npos);
    const auto read = parse_token(text);
    REQUIRE(read.has_value());
    CHECK(read->host == token.host);
    CHECK(read->address == token.address);
    CHECK(read->network == token.network);
    CHECK(read->model == token.model);
    CHECK(std::ranges::equal(read->secret.bytes(), token.secret.bytes()));
}

TEST_CASE("A token that was cut off or mistyped is told from a good one", "[token]") {
    const std::string text = text_of(sample());
    for (std::size_t size = 0; size < text.size(); ++size) {
        REQUIRE_FALSE(parse_token(text.substr(0, size)).has_value());
    }
    for (std::size_t i = 0; i < text.size(); ++i) {
        std::string changed = text;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        REQUIRE_FALSE(parse_token(changed).has_value());
    }
    CHECK_THAT(parse_token("hello").error().message, Catch::Contains("dynavg1-"));
    CHECK_FALSE(parse_token("dynavg1-" + std::string(100'000, 'A')).has_value());
}

TEST_CASE("A node keeps the token's secret until the door is closed", "[token]") {
    const test::TemporaryFolder folder;
    REQUIRE(load_token_secret(folder.path()).has_value());
    CHECK_FALSE(load_token_secret(folder.path())->has_value());
    const SecretKey secret = make_identity().secret;
    REQUIRE(save_token_secret(folder.path(), secret).has_value());
    const auto kept = load_token_secret(folder.path());
    REQUIRE((kept.has_value() && kept->has_value()));
    CHECK(std::ranges::equal((*kept)->bytes(), secret.bytes()));
    REQUIRE(remove_token_secret(folder.path()).has_value());
    REQUIRE(remove_token_secret(folder.path()).has_value());
    CHECK_FALSE(load_token_secret(folder.path())->has_value());
}

}  // namespace dynavg::identity
