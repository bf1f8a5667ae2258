#include "control/escape.hpp"

#include <string>
#include <string_view>

#include "tests/catch.hpp"

using namespace dynavg::control;

TEST_CASE("printable text stays as it is", "[escape]") {
    for (const std::string text : {"", "a peer's name, 7 \"%\\",
                                   "Gr\xc3\xbc\xc3\x9f"
                                   "e",
                                   "\xe2\x82\xac", "\xf0\x9f\x98\x80"}) {
        CHECK(escaped(text) == text);
    }
}

TEST_CASE("a byte that steers a terminal or ends a line is spelled out", "[escape]") {
    CHECK(escaped("a\nb\tc\r") == "a\\nb\\tc\\x0d");
    CHECK(escaped("\x1b[2J") == "\\x1b[2J");
    CHECK(escaped("\x7f") == "\\x7f");
    CHECK(escaped(std::string_view("\0", 1)) == "\\x00");
    CHECK(escaped("\xc2\x9b"
                  "2J") ==
          "\\xc2\\x9b"
          "2J");  // A C1 control.
}

TEST_CASE("bytes that are no UTF-8 are spelled out one by one", "[escape]") {
    CHECK(escaped("\x80") == "\\x80");           // In the middle of none.
    CHECK(escaped("\xe2\x82") == "\\xe2\\x82");  // Cut.
    CHECK(escaped("\xe2"
                  "a") ==
          "\\xe2"
          "a");                                                    // Interrupted.
    CHECK(escaped("\xc0\xaf") == "\\xc0\\xaf");                    // Overlong.
    CHECK(escaped("\xe0\x80\xaf") == "\\xe0\\x80\\xaf");           // Overlong.
    CHECK(escaped("\xf0\x80\x80\xaf") == "\\xf0\\x80\\x80\\xaf");  // Overlong.
    CHECK(escaped("\xed\xa0\x80") == "\\xed\\xa0\\x80");           // A surrogate.
    CHECK(escaped("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");  // Beyond Unicode.
}

TEST_CASE("a text that is escaped once stays as it is", "[escape]") {
    std::string all;
    for (int byte = 0; byte < 256; ++byte) all.push_back(static_cast<char>(byte));
    const std::string once = escaped(all);
    CHECK(escaped(once) == once);
}

TEST_CASE("columns count characters, not bytes", "[escape]") {
    CHECK(characters("") == 0);
    CHECK(characters("abc") == 3);
    CHECK(characters("Z\xc3\xbcrich") == 6);
    CHECK(characters("\xf0\x9f\x98\x80") == 1);
}
