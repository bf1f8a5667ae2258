#include "protocol/wire/text.hpp"

#include <string>

#include "protocol/base/limits.hpp"
#include "tests/catch.hpp"

namespace dynavg::protocol::wire {

TEST_CASE("printable UTF-8 is text", "[text]") {
    for (const char* text : {"", "lenet-5", "Zürich", "\u00a0", "日本", "\U0001F600", "\uFFFD"}) {
        INFO(text);
        CHECK(is_text(text));
    }
    CHECK(is_text(std::string(limits::kTextBytesMax, 'x')));
    CHECK_FALSE(is_text(std::string(limits::kTextBytesMax + 1, 'x')));
}

TEST_CASE("control characters and broken UTF-8 are no text", "[text]") {
    for (const std::string& text :
         {std::string("a\nb"), std::string("\x1b[31m"), std::string("a\0b", 3), std::string("\x7f"),
          std::string("\xc2\x85"), std::string("\x80"), std::string("\xc3"),
          std::string("\xc0\xaf"), std::string("\xe0\x80\x80"), std::string("\xed\xa0\x80"),
          std::string("\xf0\x80\x80\x80"), std::string("\xf4\x90\x80\x80"), std::string("\xe6\x97"),
          std::string("\xff")}) {
        INFO(text);
        CHECK_FALSE(is_text(text));
    }
}

}  // namespace dynavg::protocol::wire
