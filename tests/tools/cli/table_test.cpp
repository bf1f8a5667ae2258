#include "tools/cli/table.hpp"

#include "tests/catch.hpp"

using namespace dynavg::cli;

TEST_CASE("columns are as wide as their widest text, in characters", "[table]") {
    CHECK(table_text({{"A", "B"}, {"n\xc3\xb6n", "x"}, {"y", "long"}}) ==
          "A    B\nn\xc3\xb6n  x\ny    long\n");
    CHECK(table_text({}).empty());
}

TEST_CASE("text of others in a table can't steer a terminal", "[table]") {
    CHECK(table_text({{"A", "B"}, {"\x1b[2J", "\n"}}) == "A        B\n\\x1b[2J  \\n\n");
}
