#include "tools/audit/lines.hpp"

#include <array>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

#include "tests/catch.hpp"
#include "tools/audit/read_log.hpp"

using namespace dynavg;
using namespace dynavg::audit;

namespace {

/// All lines of a text, as a pipe gives them in pieces of this size.
std::vector<std::string> lines_of(const std::string& text, std::size_t piece) {
    std::array<int, 2> ends{};
    REQUIRE(pipe(ends.data()) == 0);
    std::thread writer([&] {
        for (std::size_t at = 0; at < text.size(); at += piece) {
            const std::size_t size = std::min(piece, text.size() - at);
            (void)!write(ends[1], text.data() + at, size);
        }
        close(ends[1]);
    });
    std::vector<std::string> lines;
    Lines reader(ends[0]);
    while (true) {
        const auto line = reader.next();
        if (!line || !*line) break;
        lines.emplace_back(**line);
    }
    writer.join();
    close(ends[0]);
    return lines;
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("lines come whole, however they arrive", "[lines]") {
    for (const std::size_t piece : {1U, 2U, 3U, 100U}) {
        CHECK(lines_of("one\n\ntwo\r\n three\nfour", piece) ==
              Texts{"one", "two", " three", "four"});
        CHECK(lines_of("", piece).empty());
        CHECK(lines_of("\n\n\n", piece).empty());
    }
}

TEST_CASE("a line beyond all measure is told as an empty one, and the next is read", "[lines]") {
    const std::string longest(kLineBytesMax, 'x');
    const std::string endless(5 * kLineBytesMax + 3, 'y');
    const auto lines = lines_of(longest + "\n" + endless + "\nafter\n" + endless, 60'000);
    REQUIRE(lines.size() == 4);
    CHECK((lines[0] == longest));
    CHECK(lines[1].empty());
    CHECK(lines[2] == "after");
    CHECK(lines[3].empty());
}

TEST_CASE("a file that can't be read is an error", "[lines]") {
    Lines reader(-1);
    const auto line = reader.next();
    REQUIRE_FALSE(line);
    CHECK(line.error().message == "Bad file descriptor");
    Record record;
    CHECK_FALSE(read_log(-1, record));
}
